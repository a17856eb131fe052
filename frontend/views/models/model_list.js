import { backendName, number, size } from "../../helpers/format.js"
import { html, useState } from "../../helpers/interface.js"
import { chosenFrom } from "../../state/models/model_facts.js"
import { address } from "../../state/page/route.js"
import { useApp } from "../shared/context.js"
import { Capabilities, capabilityName } from "./capabilities.js"

const MANY = 5
const MOST_SHOWN = 200

/** Every model in a line or two; with a filter where there are many. */
export function ModelList({ models, chosen }) {
  const { words } = useApp()
  const [filter, setFilter] = useState({ search: "", capability: "", isLoaded: false, order: "name" })
  const fitting = chosenFrom(models, filter, words.language)
  return html`
    ${models.length >= MANY && html`<${Filter} models=${models} value=${filter} onChange=${setFilter} />`}
    <ul class="model-list" data-part="models">
      ${fitting.slice(0, MOST_SHOWN).map((model) => html`<li key=${model.id}><${Row} model=${model} isChosen=${model.id === chosen?.id} /></li>`)}
    </ul>
    <p class="hint" role="status" data-part="count">${count(words, models.length, fitting.length)}</p>`
}

function count(words, all, fitting) {
  if (fitting > MOST_SHOWN) return words.t("models_more", { n: number(words, MOST_SHOWN), all: number(words, fitting) })
  if (all && fitting === 0) return words.t("models_no_match")
  return fitting < all ? words.t("models_shown", { n: number(words, fitting), all: number(words, all) }) : ""
}

function Filter({ models, value, onChange }) {
  const { words } = useApp()
  const capabilities = [...new Set(models.flatMap((model) => model.capabilities))].slice(0, 20)
  const set = (change) => onChange({ ...value, ...change })
  return html`<form class="model-filter" role="search" onSubmit=${(event) => event.preventDefault()}>
    <input type="search" id="model-search" aria-label=${words.t("models_search")} placeholder=${words.t("models_search")} value=${value.search}
      onInput=${(event) => set({ search: event.target.value })} />
    <select id="model-capability" aria-label=${words.t("capability")} value=${value.capability} onChange=${(event) => set({ capability: event.target.value })}>
      <option value="">${words.t("capability_any")}</option>
      ${capabilities.map((name) => html`<option key=${name} value=${name}>${capabilityName(words, name)}</option>`)}
    </select>
    <select id="model-order" aria-label=${words.t("order")} value=${value.order} onChange=${(event) => set({ order: event.target.value })}>
      <option value="name">${words.t("order_name")}</option>
      <option value="size">${words.t("order_size")}</option>
      <option value="context">${words.t("order_context")}</option>
    </select>
    <label class="check"><input type="checkbox" id="model-loaded" checked=${value.isLoaded} onChange=${(event) => set({ isLoaded: event.target.checked })} />
      <span>${words.t("models_loaded_only")}</span></label>
  </form>`
}

function Row({ model, isChosen }) {
  const { words } = useApp()
  return html`<a class="model-row" href=${address("models", model.id)} aria-current=${isChosen ? "true" : undefined} data-model=${model.id}>
    <span class="model-name"><bdi>${model.name}</bdi>${model.isDemo && html` <span class="badge demo">${words.t("demo")}</span>`}${model.isCloud && html` <span class="badge cloud">${words.t("cloud")}</span>`}</span>
    <${Loaded} model=${model} />
    ${model.name !== model.id && html`<span class="model-id"><bdi>${model.id}</bdi></span>`}
    <span class="model-facts">${facts(words, model)}</span>
    <${Capabilities} names=${model.capabilities} />
  </a>`
}

/** Whether it is in memory, and how much of it; nothing where nobody tells. */
export function Loaded({ model }) {
  const { words } = useApp()
  if (model.isLoaded === null) return null
  const state = model.isLoaded ? words.t("model_loaded") : words.t("model_not_loaded")
  const memory = model.isLoaded && model.memoryBytes ? ` · ${size(words, model.memoryBytes)}` : ""
  return html`<span class="model-loaded" data-loaded=${String(model.isLoaded)}><span class="dot" aria-hidden="true"></span>${state}${memory}</span>`
}

function facts(words, model) {
  const context = model.contextLength && words.t("model_context", { n: number(words, model.contextLength) })
  const bytes = model.sizeBytes && size(words, model.sizeBytes)
  return [
    model.backend && backendName(words, model.backend),
    model.family,
    model.parameters,
    model.quantization,
    bytes,
    context,
  ]
    .filter(Boolean)
    .join(" · ")
}
