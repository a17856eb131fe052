import { recall, remember } from "../../helpers/storage.js"

/**
 * What is typed and attached but not sent, by conversation ("" is the one to come). Texts survive a reload, in this tab
 * only, since two tabs may type in one conversation; images stay while the page does. Says "change".
 */
export default class Unsent extends EventTarget {
  #texts = new Map()
  #images = new Map()

  text(id) {
    return this.#texts.get(id) ?? recall("sessionStorage", nameOf(id)) ?? ""
  }

  type(id, text) {
    this.#texts.set(id, text)
    remember("sessionStorage", nameOf(id), text)
    this.#tell()
  }

  images(id) {
    return this.#images.get(id) ?? []
  }

  attach(id, images) {
    this.#images.set(id, images)
    this.#tell()
  }

  forget(id) {
    this.#texts.delete(id)
    this.#images.delete(id)
    remember("sessionStorage", nameOf(id), "")
    this.#tell()
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}

function nameOf(id) {
  return `unsent ${id || "new"}`
}
