import { part } from "../helpers/dom.js"
import { backendName } from "../helpers/format.js"

/** The line in the header that says who answers, if anybody. */
export default class StatusPill {
  #root
  #parts

  constructor(root, { words, settings, catalog }) {
    this.#root = root
    this.#parts = { words, settings, catalog }
    words.addEventListener("change", () => this.#draw())
    catalog.addEventListener("change", () => this.#draw())
    this.#draw()
  }

  #draw() {
    const [mood, text] = this.#state()
    this.#root.hidden = false
    this.#root.dataset.mood = mood
    const line = part(this.#root, "text")
    if (line.textContent !== text) line.textContent = text
  }

  #state() {
    const { words, settings, catalog } = this.#parts
    if (catalog.isLooking) return ["looking", words.t("status_looking")]
    if (!settings.isOwnGateway) return [catalog.fault ? "bad" : "good", words.t("status_direct", { host: settings.host })]
    if (catalog.fault?.kind === "gateway_down") return ["bad", words.t("status_gateway_down")]
    if (catalog.fault?.kind === "backend_down") return ["bad", words.t("status_backend_down")]
    if (catalog.model?.is_demo) return ["good", words.t("status_demo")]
    const backend = backendName(words, catalog.health?.backend?.name ?? "")
    return [catalog.fault ? "bad" : "good", words.t("status_ready", { backend })]
  }
}
