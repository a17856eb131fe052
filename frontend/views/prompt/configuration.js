import { backendName } from "../../helpers/format.js"
import { html, useLayoutEffect, useRef } from "../../helpers/interface.js"
import { ConnectionForm } from "../shared/connection_form.js"
import { useApp, useChanges } from "../shared/context.js"
import { useMedia } from "../shared/media.js"
import { ModelChoice, modelTitle } from "../shared/model_choice.js"
import { ParametersForm } from "../shared/parameters_form.js"

/** The configuration panel: open beside the prompts on wide screens, folded above them elsewhere. */
export function Configuration() {
  const { words, settings, catalog } = useApp()
  useChanges(settings, catalog)
  const panel = useRef()
  const isWide = useMedia("(width >= 70rem)")
  useLayoutEffect(() => {
    // before it is painted, and not at every drawing: the reader may fold it too
    panel.current.open = isWide
  }, [isWide])
  const { model } = catalog
  return html`<details class="configuration" id="configuration" ref=${panel}>
    <summary><span>${words.t("configuration")}</span><span class="summary-model" data-part="summary">${model ? modelTitle(words, model) : words.t("no_model")}</span></summary>
    <form class="fields" autocomplete="off" onSubmit=${(event) => event.preventDefault()}>
      <h2 class="column-title">${words.t("configuration")}</h2>
      <div class="field">
        <p class="label">${words.t("backend")}</p>
        <p class="backend" data-part="backend">${backend(words, settings, catalog)}</p>
        ${settings.isOwnGateway && html`<p class="hint">${words.t("backend_change")}</p>`}
      </div>
      <${ModelChoice} onChoose=${(id) => (settings.model = id)} />
      <${ParametersForm} value=${settings.parameters} model=${model} onChange=${(parameters) => (settings.parameters = parameters)} />
      <${ConnectionForm} />
    </form>
  </details>`
}

function backend(words, settings, { health }) {
  if (!settings.isOwnGateway) return words.t("backend_direct", { host: settings.host })
  const { name, version } = health?.backend ?? {}
  return name ? `${backendName(words, name)} ${version ?? ""}`.trim() : "–"
}
