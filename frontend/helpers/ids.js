let last = 0

/**
 * A new id: its time and chance. Ids of one tab grow, so that what was made in the same millisecond keeps its order.
 * Not randomUUID, which only secure contexts have: the page may be served over plain http.
 */
export function newId() {
  last = Math.max(last + 1, Date.now())
  const chance = [...crypto.getRandomValues(new Uint32Array(2))].map((number) => number.toString(36).padStart(7, "0"))
  return last.toString(36).padStart(9, "0") + chance.join("")
}
