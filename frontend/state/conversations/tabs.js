import { newId } from "../../helpers/ids.js"

const ROLL_CALL_MS = 300
const NAME = "passerelle"

/**
 * The other tabs of this page. Says "told" with what another one told. Where BroadcastChannel is missing, nobody is
 * heard, and everything but live updates works as well.
 */
export default class Tabs extends EventTarget {
  #channel = globalThis.BroadcastChannel ? new BroadcastChannel(NAME) : null
  #present = new Set()
  /** This document; a reload makes another. */
  id = newId()
  /** The document that this one took the place of by a reload, or null. */
  previous = null

  constructor() {
    super()
    this.#takeOver()
    this.#channel?.addEventListener("message", ({ data }) => this.#hear(data))
  }

  tell(detail) {
    this.#channel?.postMessage({ kind: "told", detail })
  }

  /** Who is there: the ids of the other tabs that answer. */
  async rollCall() {
    this.#present.clear()
    if (!this.#channel) return this.#present
    this.#channel.postMessage({ kind: "roll_call" })
    await new Promise((resolve) => setTimeout(resolve, ROLL_CALL_MS))
    return this.#present
  }

  #hear({ kind, detail, id }) {
    if (kind === "told") this.dispatchEvent(new CustomEvent("told", { detail }))
    if (kind === "roll_call") this.#channel.postMessage({ kind: "present", id: this.id })
    if (kind === "present") this.#present.add(id)
  }

  /** A duplicated tab has its original's sessionStorage too, but did not come by a reload. */
  #takeOver() {
    try {
      const isReload = ["reload", "back_forward"].includes(performance.getEntriesByType("navigation")[0]?.type)
      if (isReload) this.previous = sessionStorage.getItem(`${NAME}.tab`)
      sessionStorage.setItem(`${NAME}.tab`, this.id)
    } catch {
      // without sessionStorage, the previous document is known by its silence
    }
  }
}
