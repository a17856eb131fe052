import { typesetFormulas } from "./formulas.js"
import { finish, lex, loadMarkdown, nodesOf, outline } from "./markdown.js"
import OpenFence from "./open_fence.js"
import { settle } from "./settle.js"

/**
 * Paints a growing Markdown text into an element: blocks that can no longer change are made once and left alone, only
 * the last one is made again. Not before `load()` is done.
 */
export default class Painter {
  #element
  #words
  #painted = "" // the text of the last painting
  #kept = [] // blocks that can no longer change: {raw, last}, `last` being the last node so far …
  #done = 0 // … how much of the text they are …
  #links = Object.create(null) // … and the link definitions among them
  #fence = null

  static load = loadMarkdown

  constructor(element, words) {
    this.#element = element
    this.#words = words
  }

  /** `isWhole`: nothing follows, and the text is read once more from its beginning, since its end may explain it. */
  paint(text, isWhole) {
    if (!text.startsWith(this.#painted)) this.#goBack(0)
    if (isWhole) this.#paintWhole(text)
    else if (text !== this.#painted && !this.#fence?.takes(text)) this.#paintTail(text)
    this.#painted = text
  }

  #goBack(count) {
    this.#kept.length = count
    this.#done = this.#kept.reduce((sum, { raw }) => sum + raw.length, 0)
    this.#fence = null
    if (count === 0) this.#links = Object.create(null)
  }

  get #last() {
    return this.#kept.at(-1)?.last ?? null
  }

  /** Blocks that the whole text has too stay, unless a definition at its end may have made links of their words. */
  #paintWhole(text) {
    const { blocks, links } = outline(text)
    const differing = this.#kept.findIndex(({ raw }, index) => raw !== blocks[index]?.raw)
    const same = differing < 0 ? this.#kept.length : differing
    this.#goBack(Object.keys(links).length ? 0 : same)
    settle(this.#element, nodesOf(lex(text.slice(this.#done)), this.#words), { after: this.#last })
    finish(this.#element)
  }

  #paintTail(text) {
    const tail = text.slice(this.#done)
    const blocks = lex(tail, { links: this.#links, isGrowing: true })
    const count = certain(blocks, tail)
    for (const block of blocks.slice(0, count)) this.#keep(block)
    const live = blocks.slice(count)
    settle(this.#element, nodesOf(live, this.#words), { after: this.#last })
    const growing = this.#element.lastElementChild
    if (growing) typesetFormulas(growing)
    this.#fence = growing && OpenFence.of(live, text, growing)
  }

  /** A block that can no longer change gets its nodes; those that it had while it grew become these. */
  #keep(block) {
    const nodes = nodesOf([block], this.#words)
    const count = nodes.childNodes.length
    let last = this.#last
    settle(this.#element, nodes, { after: last, isPart: true })
    for (let index = 0; index < count; index += 1) {
      last = last ? last.nextSibling : this.#element.firstChild
      if (last.nodeType === Node.ELEMENT_NODE) finish(last)
    }
    this.#kept.push({ raw: block.raw, last })
    this.#done += block.raw.length
    if (block.type === "def") this.#links[block.tag] ??= { href: block.href, title: block.title }
  }
}

/** How many of the blocks can no longer change, whatever follows: those before the last one whose beginning is sure. */
function certain(blocks, tail) {
  const ends = []
  for (const { raw } of blocks) ends.push((ends.at(-1) ?? 0) + raw.length)
  if (ends.at(-1) !== tail.length) return 0 // marked changed the text while reading it: keep all of it alive
  for (let index = blocks.length - 1; index > 0; index -= 1) {
    if (blocks[index].type !== "space" && isSure(blocks[index], blocks[index - 1], tail.slice(ends[index - 1])))
      return index
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
