import { finish, isMarkdownLoaded, lex, loadMarkdown, nodesOf } from "./markdown.js"
import { rewrite, settle } from "./markdown/settle.js"
import OpenFence from "./markdown/open_fence.js"
import { paced } from "./pace.js"

/**
 * Writes a growing Markdown text into an element. Blocks that can no longer change are made once and left alone; only
 * the last one is made again, at most once a frame. `around` is called with each painting, for a view that keeps its
 * scroll position around it. Until the libraries have come, and if they never do, the text stands there as it is.
 */
export default class MarkdownStream {
  #element
  #words
  #around
  #text = ""
  #painted = "" // the text of the last painting
  #done = 0 // how much of it lies in blocks that can no longer change …
  #lastDone = null // … the last node of these …
  #links = Object.create(null) // … and the link definitions among them
  #fence = null
  #isEnded = false
  #ask = paced(() => this.#paint())

  constructor(element, { words, around = (paint) => paint() }) {
    this.#element = element
    this.#words = words
    this.#around = around
    element.classList.add("markdown")
    if (!isMarkdownLoaded()) loadMarkdown().then(() => this.#paint(), () => {})
  }

  push(piece) {
    this.update(this.#text + piece)
  }

  update(text) {
    this.#text = text
    this.#ask()
  }

  /** The text is whole: it is read once more from the beginning, since its end may explain what stood before. */
  end(text = this.#text) {
    this.#text = text
    this.#isEnded = true
    this.#paint()
  }

  #paint() {
    this.#around(() => {
      const text = this.#text.replace(/\r\n?/g, "\n")
      const isPlain = !isMarkdownLoaded()
      this.#element.classList.toggle("plain", isPlain)
      if (isPlain) return this.#paintPlain(text)
      if (!text.startsWith(this.#painted)) this.#startAnew()
      if (this.#isEnded) this.#paintWhole(text)
      else if (text !== this.#painted && !this.#fence?.takes(text)) this.#paintTail(text)
      this.#painted = text
    })
  }

  #startAnew() {
    this.#done = 0
    this.#lastDone = this.#fence = null
    this.#links = Object.create(null)
  }

  #paintPlain(text) {
    const node = this.#element.firstChild
    if (node) rewrite(node, text)
    else this.#element.append(text)
  }

  #paintWhole(text) {
    this.#startAnew()
    settle(this.#element, nodesOf(lex(text), this.#words))
    finish(this.#element)
  }

  #paintTail(text) {
    const tail = text.slice(this.#done)
    const blocks = lex(tail, { links: this.#links, isGrowing: true })
    const count = certain(blocks, tail)
    const live = blocks.splice(count)
    const nodes = nodesOf(blocks, this.#words)
    const added = [...nodes.childNodes]
    nodes.append(nodesOf(live, this.#words))
    settle(this.#element, nodes, this.#lastDone)
    this.#keep(blocks, added.length)
    this.#fence = OpenFence.of(live, text, this.#element.lastElementChild)
  }

  /** These blocks, which made so many nodes, are over. */
  #keep(blocks, count) {
    let node = this.#lastDone
    for (let kept = 0; kept < count; kept += 1) {
      node = node ? node.nextSibling : this.#element.firstChild
      if (node.nodeType === Node.ELEMENT_NODE) finish(node)
    }
    this.#lastDone = node
    for (const { type, tag, href, title, raw } of blocks) {
      this.#done += raw.length
      if (type === "def") this.#links[tag] ??= { href, title }
    }
  }
}

/** How many of the blocks can no longer change, whatever follows: those before the last one whose beginning is sure. */
function certain(blocks, tail) {
  const ends = []
  for (const { raw } of blocks) ends.push((ends.at(-1) ?? 0) + raw.length)
  if (ends.at(-1) !== tail.length) return 0 // marked changed the text while reading it: keep all of it alive
  for (let index = blocks.length - 1; index > 0; index -= 1) {
    if (blocks[index].type !== "space" && isSure(blocks[index], blocks[index - 1], tail.slice(ends[index - 1]))) return index
  }
  return 0
}

/** Whether a block begins here for certain: `#` may become a heading or "#3", a row of cells a table or a sentence. */
function isSure({ type, raw }, before, rest) {
  if (before.type === "space" && /^[^\s\d*+-]/.test(rest)) return true
  if (type === "table") return raw.split("\n", 3).length > 2
  if (type === "formulaBlock") return raw.endsWith("\n")
  return rest.includes("\n")
}
