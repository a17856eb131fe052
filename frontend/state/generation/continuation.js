import Echo from "../../helpers/echo.js"
import Generation from "./generation.js"

/**
 * The rest of an answer that broke off: begins with what there is, and counts both parts together.
 * Its request ends with the model's own words, see requestOf.
 */
export default class Continuation extends Generation {
  #earlier
  #echo
  #speed = null

  constructor(request, settings, earlier) {
    super(request, settings)
    this.#earlier = earlier
    this.#echo = new Echo(earlier.text)
    this.text = earlier.text
    this.thought = earlier.thought ?? ""
    this.addEventListener("end", () => this.#count())
  }

  fresh(piece) {
    return this.#echo.take(piece)
  }

  heldBack() {
    return this.#echo.rest()
  }

  get thoughtMs() {
    return super.thoughtMs ?? this.#earlier.thoughtMs ?? null
  }

  get tokensPerSecond() {
    return this.#speed ?? super.tokensPerSecond
  }

  /** The earlier part's question was read twice, and its answer is part of what was read: neither counts double. */
  #count() {
    const { usage } = this.#earlier
    this.#speed = super.tokensPerSecond
    if (!usage || !this.usage) return
    this.usage = { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens + this.usage.output_tokens }
  }
}
