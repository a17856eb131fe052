import { FAULTS } from "../state/fault.js"
import { element } from "../helpers/dom.js"

/** A fault as a sentence, a hint and buttons. `ways` maps the names in FAULTS to what their buttons do. */
export default class Notice {
  #slot
  #words
  #ways
  #fault = null
  #values = {}

  constructor(slot, words, ways) {
    this.#slot = slot
    this.#words = words
    this.#ways = ways
    words.addEventListener("change", () => this.#fault && this.#draw())
  }

  /** Shows a fault, or nothing for null. The same fault again is not announced again. */
  show(fault, values = {}) {
    const isSame = fault?.kind === this.#fault?.kind && fault?.detail === this.#fault?.detail && values.host === this.#values.host
    this.#fault = fault
    this.#values = values
    if (!fault) this.#slot.replaceChildren()
    else if (!isSame) this.#draw()
  }

  #draw() {
    const { text, hint, command, ways } = FAULTS[this.#fault.kind]
    const box = element("div", { className: "notice", role: "alert" })
    box.dataset.kind = this.#fault.kind
    box.append(element("p", { className: "notice-text" }, this.#words.t(text, this.#values)))
    if (this.#fault.detail) box.append(element("p", { className: "notice-detail" }, this.#words.t("detail", { detail: this.#fault.detail })))
    box.append(element("p", {}, this.#words.t(hint, this.#values)))
    if (command) box.append(element("pre", { tabIndex: 0 }, element("code", {}, command)))
    if (ways.length) box.append(element("div", { className: "ways" }, ...ways.map((way) => this.#button(way))))
    this.#slot.replaceChildren(box)
  }

  #button(way) {
    const button = element("button", { type: "button" }, this.#words.t(way))
    button.dataset.way = way
    button.addEventListener("click", () => this.#ways[way]())
    return button
  }
}
