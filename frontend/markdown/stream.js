import { once } from "../helpers/once.js"
import { paced } from "./pace.js"
import { rewrite } from "./settle.js"

let Painter = null

/** Loads what paints Markdown, with its libraries. Rejects where they cannot be had. */
export const loadPainter = once(async () => {
  const { default: found } = await import("./painter.js")
  await found.load()
  Painter = found
})

/**
 * Writes a growing Markdown text into an element, painting at most once a frame. `around` is called with each painting,
 * for a view that keeps its scroll position around it. Until the painter and its libraries have come, and if they never
 * do, the text stands there as it is.
 */
export default class MarkdownStream {
  #element
  #words
  #around
  #painter = null
  #text = ""
  #isEnded = false
  #ask = paced(() => this.#paint())

  constructor(element, { words, around = (paint) => paint() }) {
    this.#element = element
    this.#words = words
    this.#around = around
    element.classList.add("markdown")
    if (!Painter)
      loadPainter().then(
        () => this.#paint(),
        () => {},
      )
  }

  push(piece) {
    this.update(this.#text + piece)
  }

  update(text) {
    this.#text = text
    this.#ask()
  }

  /** The text is whole. */
  end(text = this.#text) {
    this.#text = text
    this.#isEnded = true
    this.#paint()
  }

  #paint() {
    this.#around(() => {
      const text = this.#text.replace(/\r\n?/g, "\n")
      this.#element.classList.toggle("plain", !Painter)
      if (!Painter) return this.#paintPlain(text)
      this.#painter ??= new Painter(this.#element, this.#words)
      this.#painter.paint(text, this.#isEnded)
    })
  }

  #paintPlain(text) {
    const node = this.#element.firstChild
    if (node) rewrite(node, text)
    else this.#element.append(text)
  }
}
