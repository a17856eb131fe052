import { element, part } from "../helpers/dom.js"

const MODIFIER = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl"

/** The prompts: three ready-made ones and the reader's own. Says "send" and "stop". */
export default class Composer extends EventTarget {
  #root
  #words
  #presets
  #chosen = null
  #ownText = { system: "", human: "" }
  #system = document.getElementById("system")
  #human = document.getElementById("human")
  #send = document.getElementById("send")
  #stop = document.getElementById("stop")

  constructor(root, words, presets) {
    super()
    this.#root = root
    this.#words = words
    this.#presets = presets
    this.#listen()
    words.addEventListener("change", () => this.#translate())
    this.#drawButtons()
    this.#choose(presets[0] ?? null)
  }

  get prompts() {
    return { system: this.#system.value.trim(), human: this.#human.value.trim() }
  }

  /** While an answer runs, Stop takes the place of Send, and the focus goes with it. */
  set isRunning(isRunning) {
    const hasFocus = [this.#send, this.#stop].includes(document.activeElement)
    this.#send.hidden = isRunning
    this.#stop.hidden = !isRunning
    if (hasFocus) (isRunning ? this.#stop : this.#send).focus()
  }

  goToQuestion() {
    this.#human.focus()
  }

  #listen() {
    this.#root.addEventListener("submit", (event) => {
      event.preventDefault()
      this.dispatchEvent(new Event("send"))
    })
    this.#stop.addEventListener("click", () => this.dispatchEvent(new Event("stop")))
    for (const area of [this.#system, this.#human]) area.addEventListener("input", () => this.#keepOwn())
    document.addEventListener("keydown", (event) => this.#onKey(event))
  }

  /** keyCode 229 is how some browsers mark the Enter that only ends an input method's word. */
  #onKey(event) {
    if (event.isComposing || event.keyCode === 229 || event.repeat) return
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault()
      this.dispatchEvent(new Event("send"))
    } else if (event.key === "Escape") {
      this.dispatchEvent(new Event("stop"))
    }
  }

  /** Whatever is typed becomes the free text, also what began as a ready-made prompt. */
  #keepOwn() {
    this.#ownText = { system: this.#system.value, human: this.#human.value }
    this.#chosen = null
    this.#drawPressed()
  }

  #choose(preset) {
    this.#chosen = preset
    const language = this.#words.language
    this.#system.value = preset ? preset.system[language] : this.#ownText.system
    this.#human.value = preset ? preset.user[language] : this.#ownText.human
    this.#drawPressed()
  }

  #translate() {
    this.#drawButtons()
    if (this.#chosen) this.#choose(this.#chosen)
    else this.#drawPressed()
  }

  #drawButtons() {
    const buttons = [...this.#presets, null].map((preset) => {
      const title = preset ? preset.title[this.#words.language] : this.#words.t("free_text")
      const button = element("button", { type: "button", className: "chip" }, title)
      button.dataset.preset = preset?.id ?? "free"
      button.addEventListener("click", () => this.#choose(preset))
      return button
    })
    part(this.#root, "presets").replaceChildren(...buttons)
    part(this.#root, "keys").textContent = this.#words.t("keys", { modifier: MODIFIER })
  }

  #drawPressed() {
    const pressed = this.#chosen?.id ?? "free"
    for (const button of part(this.#root, "presets").children) button.ariaPressed = String(button.dataset.preset === pressed)
  }
}
