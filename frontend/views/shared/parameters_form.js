import { html, useEffect, useState } from "../../helpers/interface.js"
import { number } from "../../helpers/format.js"
import { bounded, PARAMETERS } from "../../state/parameters.js"
import { useApp, useChanges } from "./context.js"

/**
 * Sliders and fields for an answer's parameters. `value` holds those that were set, `onChange(parameters)` gets the
 * whole again; what is not set is left to the model, whose own defaults the sliders show where they are known.
 */
export function ParametersForm({ value, onChange, model, id = "" }) {
  const { words, catalog } = useApp()
  useChanges(catalog)
  const own = useOwnDefaults(catalog, model)
  const isDemo = Boolean(model?.is_demo)
  const set = (name, text) => {
    const { [name]: _, ...others } = value
    const number = bounded(name, text)
    onChange(number === null ? others : { ...others, [name]: number })
  }
  const slider = (name, key) => html`<${Slider} id=${id + name} label=${words.t(key)} bounds=${PARAMETERS[name]}
    value=${isDemo && name === "temperature" ? 0 : value[name]} own=${own[name]} isFixed=${isDemo && name === "temperature"}
    hint=${words.t(isDemo && name === "temperature" ? "demo_temperature" : `${key}_hint`)} onSet=${(text) => set(name, text)} />`
  return html`
    ${slider("temperature", "temperature")}
    ${slider("topP", "top_p")}
    <div class="field">
      <label for=${`${id}max-tokens`}>${words.t("max_tokens")}</label>
      <input type="number" id=${`${id}max-tokens`} min="1" max="1000000" step="1" inputmode="numeric" placeholder=${words.t("no_limit")}
        aria-describedby=${`${id}max-tokens-hint`} value=${value.maxTokens ?? ""} onChange=${(event) => set("maxTokens", event.target.value)} />
      <p class="hint" id=${`${id}max-tokens-hint`}>${words.t("max_tokens_hint")}</p>
    </div>
    <div class="field">
      <label for=${`${id}seed`}>${words.t("seed")}</label>
      <input type="number" id=${`${id}seed`} min="0" step="1" inputmode="numeric" placeholder=${words.t("seed_none")}
        aria-describedby=${`${id}seed-hint`} value=${value.seed ?? ""} onChange=${(event) => set("seed", event.target.value)} />
      <p class="hint" id=${`${id}seed-hint`}>${words.t("seed_hint")}</p>
    </div>`
}

function Slider({ id, label, bounds, value, own, isFixed, hint, onSet }) {
  const { words } = useApp()
  const isSet = value !== undefined
  const shown = value ?? own ?? bounds.usual
  return html`<div class="field">
    <div class="label-row">
      <label for=${id}>${label}</label>
      <output for=${id} data-part=${id}>${isSet ? number(words, shown, 2) : own === undefined ? words.t("as_model") : words.t("as_model_value", { n: number(words, own, 2) })}</output>
    </div>
    <input type="range" id=${id} min=${bounds.min} max=${bounds.max} step=${bounds.step} value=${shown} disabled=${isFixed}
      class=${isSet ? "" : "unset"} aria-describedby=${`${id}-hint`} onInput=${(event) => onSet(event.target.value)} />
    <p class="hint" id=${`${id}-hint`}>${hint}</p>
    ${isSet && !isFixed && html`<button type="button" class="link-button" onClick=${() => onSet("")}>${words.t("back_to_model")}</button>`}
  </div>`
}

/** The model's own defaults `{temperature?, topP?}`, as far as the gateway knows them. */
function useOwnDefaults(catalog, model) {
  const [own, setOwn] = useState({})
  useEffect(() => {
    let isWanted = true
    setOwn({})
    catalog.defaults(model?.id).then((found) => isWanted && setOwn(found))
    return () => (isWanted = false)
  }, [catalog, model?.id])
  return own
}
