const PLAIN_COPY = 8

/**
 * Takes a copy of what was there already off the front of what comes: some servers begin with the words that they are to go
 * on from. Only a whole and exact copy is left out, and none so short that it may be an accident.
 */
export default class Echo {
  #words
  #held = ""
  #isOver

  constructor(words) {
    this.#words = words
    this.#isOver = words.length < PLAIN_COPY
  }

  /** What of the pieces so far is new. */
  take(piece) {
    if (this.#isOver) return piece
    this.#held += piece
    if (this.#held.startsWith(this.#words)) return this.#release(this.#words.length)
    return this.#words.startsWith(this.#held) ? "" : this.#release(0)
  }

  /** What was held back: it was no copy after all. */
  rest() {
    return this.#release(0)
  }

  #release(from) {
    const text = this.#held.slice(from)
    this.#held = ""
    this.#isOver = true
    return text
  }
}
