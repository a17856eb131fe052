import Fault from "./fault.js"
import Generation from "./generation.js"

/** The prompt view's state: what is typed, which preset it came from, and the answer. Says "change". */
export default class Prompt extends EventTarget {
  #parts
  #chosen
  #own = { system: "", human: "" }
  #text = { system: "", human: "" }
  generation = null
  fault = null

  constructor(parts) {
    super()
    this.#parts = parts
    this.#choose(parts.readyMade[0] ?? null)
    parts.words.addEventListener("change", () => this.#chosen && this.choose(this.#chosen))
  }

  /** The preset in use; null for the reader's own text. */
  get chosen() {
    return this.#chosen
  }

  get system() {
    return this.#text.system
  }

  get human() {
    return this.#text.human
  }

  /** Whatever is typed becomes the free text, also what began as a ready-made prompt. */
  type(part, text) {
    this.#text = { ...this.#text, [part]: text }
    this.#own = this.#text
    this.#chosen = null
    this.#tell()
  }

  choose(preset) {
    this.#choose(preset)
    this.#tell()
  }

  #choose(preset) {
    const { language } = this.#parts.words
    this.#chosen = preset
    this.#text = preset ? { system: preset.system[language], human: preset.user[language] } : this.#own
  }

  send() {
    if (this.generation?.isRunning) return
    this.fault = this.#objection()
    if (!this.fault) this.#run()
    this.#tell()
  }

  stop() {
    this.generation?.stop()
  }

  #objection() {
    if (!this.human.trim()) return new Fault("no_question")
    return this.#parts.settings.isReachable ? null : new Fault("endpoint_wrong")
  }

  #run() {
    const { settings, catalog } = this.#parts
    const { model } = catalog
    const messages = [{ role: "user", content: this.human.trim() }]
    if (this.system.trim()) messages.unshift({ role: "system", content: this.system.trim() })
    const request = { messages, model: model?.id ?? "", isDemo: Boolean(model?.is_demo), parameters: settings.parameters }
    this.generation = new Generation(request, settings)
    this.generation.addEventListener("end", () => {
      this.#tell()
      catalog.refresh() // a model is in memory now, or the server has just shown that something is wrong
    })
    this.generation.run()
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}
