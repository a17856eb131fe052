import { number } from "../../helpers/format.js"
import { html, useEffect, useState } from "../../helpers/interface.js"
import { bounded, PARAMETERS } from "../../state/settings/parameters.js"
import { useApp, useChanges } from "./context.js"
import { IconButton } from "./icons.js"
import { TypedInput } from "./typed_input.js"

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
  const slider = (
    name,
    key,
    hint,
    isFixed = false,
  ) => html`<${Slider} id=${id + name} label=${words.t(key)} bounds=${PARAMETERS[name]} hint=${words.t(hint)}
    value=${isFixed ? 0 : value[name]} own=${own[name]} isFixed=${isFixed} onSet=${(text) => set(name, text)} />`
  return html`
    ${slider("temperature", "temperature", isDemo ? "demo_temperature" : "temperature_hint", isDemo)}
    ${slider("topP", "top_p", "top_p_hint")}
    <div class="field">
      <div class="pair">
        <${NumberField} id=${`${id}max-tokens`} name="maxTokens" label=${words.t("max_tokens")} none=${words.t("no_limit")} value=${value.maxTokens} onSet=${set} />
        <${NumberField} id=${`${id}seed`} name="seed" label=${words.t("seed")} none=${words.t("seed_none")} value=${value.seed} onSet=${set} hint=${`${id}seed-hint`} />
      </div>
      <p class="hint" id=${`${id}seed-hint`}>${words.t("seed_hint")}</p>
    </div>`
}

function NumberField({ id, name, label, none, value, onSet, hint }) {
  const { min, max, step } = PARAMETERS[name]
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <${TypedInput} type="number" id=${id} min=${min} max=${max} step=${step} inputmode="numeric" placeholder=${none} aria-describedby=${hint}
      value=${value ?? ""} onCommit=${(text) => onSet(name, text)} />
  </div>`
}

function Slider({ id, label, bounds, value, own, isFixed, hint, onSet }) {
  const { words } = useApp()
  const isSet = value !== undefined
  const shown = value ?? own ?? bounds.usual
  const standing = isSet ? "" : "unset"
  return html`<div class="field">
    <div class="label-row">
      <label for=${id}>${label}</label>
      <span class="reset">
        <output for=${id} data-part=${id} class=${standing}>${told(words, value, own)}</output>
        ${isSet && !isFixed && html`<${IconButton} icon="close" label=${words.t("back_to_model")} onClick=${() => onSet("")} />`}
      </span>
    </div>
    <input type="range" id=${id} min=${bounds.min} max=${bounds.max} step=${bounds.step} value=${shown} disabled=${isFixed}
      class=${standing} aria-describedby=${`${id}-hint`} onInput=${(event) => onSet(event.target.value)} />
    <p class="hint" id=${`${id}-hint`}>${hint}</p>
  </div>`
}

function told(words, value, own) {
  if (value !== undefined) return number(words, value, 2)
  return own === undefined ? words.t("as_model") : words.t("as_model_value", { n: number(words, own, 2) })
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
