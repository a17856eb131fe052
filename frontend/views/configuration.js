import { element, part } from "../helpers/dom.js"
import { backendName, number } from "../helpers/format.js"

const WIDE = matchMedia("(min-width: 70rem)")

/** The configuration panel: reads and writes Settings, shows the Catalog. */
export default class Configuration {
  #root
  #parts
  #fields

  constructor(root, { words, settings, catalog }) {
    this.#root = root
    this.#parts = { words, settings, catalog }
    this.#fields = Object.fromEntries(["model", "temperature", "max-tokens", "endpoint", "key"].map((id) => [id, document.getElementById(id)]))
    this.#listen()
    for (const source of [words, catalog, settings]) source.addEventListener("change", () => this.#draw())
    this.#fill()
    this.#draw()
  }

  /** Opens the panel, where it is folded, and goes to one of its fields. */
  goTo(id) {
    this.#root.open = true
    this.#fields[id].focus()
    this.#fields[id].select?.()
  }

  #listen() {
    const { settings, catalog } = this.#parts
    const { model, temperature, "max-tokens": maxTokens, endpoint, key } = this.#fields
    const fold = () => (this.#root.open = WIDE.matches)
    WIDE.addEventListener("change", fold)
    fold()
    this.#root.addEventListener("submit", (event) => event.preventDefault())
    model.addEventListener("change", () => (settings.model = model.value))
    temperature.addEventListener("input", () => (settings.temperature = temperature.value))
    maxTokens.addEventListener("change", () => (settings.maxTokens = maxTokens.value))
    endpoint.addEventListener("change", () => this.#moveTo(endpoint.value))
    key.addEventListener("change", () => this.#useKey(key.value))
    document.getElementById("refresh").addEventListener("click", () => catalog.refresh())
    document.getElementById("own-endpoint").addEventListener("click", () => this.#moveTo(settings.own))
  }

  #moveTo(address) {
    this.#parts.settings.endpoint = address
    this.#fill()
    this.#parts.catalog.refresh()
  }

  #useKey(key) {
    this.#parts.settings.key = key
    this.#parts.catalog.refresh()
  }

  #fill() {
    const { settings } = this.#parts
    this.#fields["max-tokens"].value = settings.maxTokens ?? ""
    this.#fields.endpoint.value = settings.endpoint
    this.#fields.key.value = settings.key
  }

  #draw() {
    const { words, settings } = this.#parts
    this.#drawModels()
    this.#drawTemperature()
    this.#drawBackend()
    this.#set("endpoint-hint", words.t(settings.isOwnGateway ? "endpoint_own" : "endpoint_foreign"))
    document.getElementById("own-endpoint").hidden = settings.isOwnGateway
  }

  #drawModels() {
    const { words, catalog } = this.#parts
    const { model: select } = this.#fields
    const chosen = catalog.model
    const options = catalog.list.map((model) => element("option", { value: model.id }, model.name || model.id))
    select.replaceChildren(...(options.length ? options : [element("option", { value: "" }, words.t("no_model"))]))
    select.disabled = options.length === 0
    select.value = chosen?.id ?? ""
    this.#set("model-facts", chosen ? modelFacts(words, chosen) : "")
    this.#set("summary", chosen ? modelTitle(words, chosen) : words.t("no_model"))
    part(this.#root, "demo").hidden = part(this.#root, "demo-note").hidden = !chosen?.is_demo
  }

  #drawTemperature() {
    const { words, settings, catalog } = this.#parts
    const isDemo = Boolean(catalog.model?.is_demo)
    const temperature = isDemo ? 0 : settings.temperature
    this.#fields.temperature.disabled = isDemo
    this.#fields.temperature.value = temperature
    this.#set("temperature", number(words, temperature, 1))
    this.#set("temperature-hint", words.t(isDemo ? "demo_temperature" : "temperature_hint"))
  }

  #drawBackend() {
    const { words, settings, catalog } = this.#parts
    const backend = catalog.health?.backend
    const named = backend?.name ? `${backendName(words, backend.name)} ${backend.version ?? ""}`.trim() : "–"
    this.#set("backend", settings.isOwnGateway ? named : words.t("backend_direct", { host: settings.host }))
    this.#set("backend-hint", settings.isOwnGateway ? words.t("backend_change") : "")
  }

  #set(name, text) {
    part(this.#root, name).textContent = text
  }
}

function modelTitle(words, model) {
  const name = model.name || model.id
  return model.is_demo ? `${name} (${words.t("demo")})` : name
}

function modelFacts(words, model) {
  const context = model.context_length ? words.t("model_context", { n: number(words, model.context_length) }) : null
  const loaded = { true: words.t("model_loaded"), false: words.t("model_not_loaded") }[model.is_loaded]
  return [model.family, model.parameters, model.quantization, context, loaded].filter(Boolean).join(" · ")
}
