import { backendName } from "../../helpers/format.js"
import { html } from "../../helpers/interface.js"
import { useApp, useChanges } from "./context.js"

/** The line in the header that says who answers, if anybody. */
export function StatusPill() {
  const { words, settings, catalog } = useApp()
  useChanges(catalog, settings)
  const [mood, text] = state(words, settings, catalog)
  return html`<p class="pill" id="status" role="status" data-mood=${mood}><span class="dot" aria-hidden="true"></span><span data-part="text">${text}</span></p>`
}

function state(words, settings, catalog) {
  if (catalog.isLooking) return ["looking", words.t("status_looking")]
  if (!settings.isOwnGateway) return [catalog.fault ? "bad" : "good", words.t("status_direct", { host: settings.host })]
  if (catalog.fault?.kind === "gateway_down") return ["bad", words.t("status_gateway_down")]
  if (catalog.fault?.kind === "backend_down") return ["bad", words.t("status_backend_down")]
  if (catalog.model?.is_demo) return ["good", words.t("status_demo")]
  const backend = backendName(words, catalog.health?.backend?.name ?? "")
  return [catalog.fault ? "bad" : "good", words.t("status_ready", { backend })]
}
