import { html, useEffect } from "../../helpers/interface.js"
import { factsOf } from "../../state/models/model_facts.js"
import { useApp, useChanges } from "../shared/context.js"
import { IconButton } from "../shared/icons.js"
import { ModelDetails } from "./model_details.js"
import { ModelList } from "./model_list.js"
import { PullForm } from "./pull_form.js"
import { PullRows } from "./pull_rows.js"

/** The models that the endpoint has, one of them in detail, and more to be had. */
export function ModelsView() {
  const { words, settings, catalog, route } = useApp()
  useChanges(words, settings, catalog, route)
  useEffect(() => {
    catalog.refresh()
  }, [catalog])
  const models = catalog.list.map(factsOf)
  const chosen = find(models, route.id)
  const missing = route.id && !chosen && !catalog.isLooking ? route.id : ""
  return html`<div class="models-view" data-chosen=${chosen ? "" : undefined}>
    <section class="card models-column" aria-labelledby="models-title">
      <div class="models-head">
        <h2 class="column-title" id="models-title">${words.t("models")}</h2>
        <${IconButton} icon="refresh" id="models-refresh" label=${words.t("refresh_models")} onClick=${() => catalog.refresh()} />
      </div>
      ${!settings.isOwnGateway && html`<p class="hint" data-part="direct">${words.t("models_direct", { host: settings.host })}</p>`}
      <${PullForm} wanted=${missing} key=${missing} />
      <${PullRows} />
      <${ModelList} models=${models} chosen=${chosen} />
    </section>
    <section class="card model-details" aria-label=${words.t("model_details")} data-part="details">
      ${chosen ? html`<${ModelDetails} model=${chosen} key=${chosen.id} />` : html`<${Nothing} missing=${missing} />`}
    </section>
  </div>`
}

/** By its id, or by Ollama's way of leaving ":latest" away. */
function find(models, id) {
  return models.find((model) => model.id === id) ?? models.find((model) => model.id === `${id}:latest`) ?? null
}

function Nothing({ missing }) {
  const { words } = useApp()
  return html`<p class="models-nothing" data-part="nothing">${missing ? words.t("model_missing", { name: missing }) : words.t("model_none_chosen")}</p>`
}
