export const VIEWS = ["prompt", "chat", "compare", "models", "stats", "settings"]

/** Which view the page shows: the part of the address after "#". `#/chat/abc` is view "chat", id "abc". Says "change". */
export default class Route extends EventTarget {
  constructor() {
    super()
    addEventListener("hashchange", () => this.dispatchEvent(new Event("change")))
  }

  get view() {
    const name = this.#parts[0]
    return VIEWS.includes(name) ? name : VIEWS[0]
  }

  /** What the view is about (a conversation, a model's name, a field), or "". */
  get id() {
    return this.#parts.slice(1).join("/")
  }

  get #parts() {
    return location.hash.replace(/^#\/?/, "").split("/").map(decoded)
  }

  go(view, id = "") {
    location.hash = address(view, id)
  }

  /** The same without a step in the browser's history. */
  replace(view, id = "") {
    history.replaceState(null, "", address(view, id))
    this.dispatchEvent(new Event("change"))
  }
}

export function address(view, id = "") {
  return `#/${view}${id ? `/${encodeURIComponent(id.toWellFormed())}` : ""}` // half a character would throw
}

function decoded(part) {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
