// A browser may refuse storage altogether (private windows, policies): then the page remembers until it closes.
const forgetful = new Map()

export function recall(area, name) {
  try {
    return globalThis[area].getItem(`passerelle.${name}`)
  } catch {
    return forgetful.get(name) ?? null
  }
}

/** An empty value is forgotten. */
export function remember(area, name, value) {
  try {
    if (value) globalThis[area].setItem(`passerelle.${name}`, value)
    else globalThis[area].removeItem(`passerelle.${name}`)
  } catch {
    forgetful.set(name, value)
  }
}
