import { number } from "../../helpers/format.js"
import { html } from "../../helpers/interface.js"
import { useApp, useChanges } from "./context.js"
import { IconButton } from "./icons.js"

/** The list of models with what is known of the chosen one. `onChoose(id)`; `id` is the field's. */
export function ModelChoice({ id = "model", value, onChoose }) {
  const { words, catalog } = useApp()
  useChanges(catalog)
  const offered = catalog.list.filter((model) => canChat(model) || model.id === value)
  const isMissing = Boolean(value) && catalog.list.length > 0 && !catalog.find(value)
  const chosen = isMissing ? null : (catalog.find(value) ?? catalog.model)
  return html`<div class="field model-choice">
    <div class="label-row">
      <label for=${id}>${words.t("model")}</label>
      ${chosen?.is_demo && html`<span class="badge demo" data-part="demo">${words.t("demo")}</span>`}
      ${chosen?.is_cloud && html`<span class="badge cloud" data-part="cloud">${words.t("cloud")}</span>`}
    </div>
    <div class="with-button">
      <select id=${id} disabled=${catalog.list.length === 0} value=${isMissing ? value : (chosen?.id ?? "")} onChange=${(event) => onChoose(event.target.value)}>
        ${catalog.list.length === 0 && html`<option value="">${words.t("no_model")}</option>`}
        ${isMissing && html`<option value=${value}>${words.t("model_gone", { name: value })}</option>`}
        ${offered.map((model) => html`<option key=${model.id} value=${model.id}>${modelOption(words, model)}</option>`)}
      </select>
      <${IconButton} icon="refresh" id=${`${id}-refresh`} label=${words.t("refresh_models")} onClick=${() => catalog.refresh()} />
    </div>
    ${chosen && html`<p class="hint" data-part="model-facts">${modelFacts(words, chosen)}</p>`}
    ${chosen?.is_demo && html`<p class="hint" data-part="demo-note">${words.t(isOllamaEmpty(catalog) ? "demo_note_empty" : "demo_note")}</p>`}
    ${chosen?.is_cloud && html`<p class="hint" data-part="cloud-note">${words.t("cloud_note")}</p>`}
  </div>`
}

/** The demo answers because Ollama has nothing to answer with. */
function isOllamaEmpty({ health }) {
  return Array.isArray(health?.backend?.empty) && health.backend.empty.includes("ollama")
}

/** What only makes vectors has nothing to say; where nothing is told of a model, it is worth a try. */
function canChat({ capabilities }) {
  return !capabilities?.length || capabilities.some((name) => name === "chat" || name === "completion")
}

function modelOption(words, model) {
  const name = model.name || model.id
  return model.is_cloud === true ? `${name} (${words.t("cloud")})` : name
}

export function modelTitle(words, model) {
  const name = model.name || model.id
  return model.is_demo ? `${name} (${words.t("demo")})` : name
}

export function modelFacts(words, model) {
  const context = model.context_length ? words.t("model_context", { n: number(words, model.context_length) }) : null
  const loaded = { true: words.t("model_loaded"), false: words.t("model_not_loaded") }[model.is_loaded]
  return [model.family, model.parameters, model.quantization, context, loaded].filter(Boolean).join(" · ")
}
