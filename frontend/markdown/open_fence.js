/**
 * A fenced code block whose end has not come: it grows by its new text alone, so that a long listing costs no more
 * per line at its end than at its beginning.
 */
export default class OpenFence {
  #node
  #at // how much of the whole text is shown
  #closing

  /** The open fence that `live`, the last block, is; null where it is none, or where marked changed its text. */
  static of(live, text, block) {
    const [code] = live
    if (live.length !== 1 || code.type !== "code" || !code.text) return null
    const [opening, marks] = /^(`{3,}|~{3,}).*\n/.exec(code.raw) ?? []
    const begin = text.length - code.raw.length + (opening?.length ?? 0)
    const node = block.querySelector("code").firstChild
    if (!opening || !text.startsWith(code.text, begin) || node.data !== code.text) return null
    return new OpenFence(node, begin + code.text.length, marks)
  }

  constructor(node, at, marks) {
    this.#node = node
    this.#at = at
    this.#closing = new RegExp(`\\n {0,3}${marks[0]}{${marks.length},} *(?:\\n|$)`)
  }

  /** Shows what is new in `text`; false when the block ends in it, and more than appending is needed. */
  takes(text) {
    if (this.#closing.test(text.slice(this.#at - 1))) return false
    const more = text.slice(this.#at).replace(/\n[ `~]*$/, "") // a last line that may become the closing one waits
    this.#node.appendData(more)
    this.#at += more.length
    return true
  }
}
