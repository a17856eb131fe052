import { backendName } from "../../helpers/format.js"
import { html } from "../../helpers/interface.js"
import { useApp, useChanges } from "../shared/context.js"
import { Icon } from "../shared/icons.js"

/** Which gateway this is, and the page as an app of this computer where the browser offers that. */
export function About() {
  const { words, settings, catalog, installation } = useApp()
  useChanges(catalog, installation)
  const { version, backend } = catalog.health ?? {}
  return html`
    <dl class="settings-facts" data-part="about">
      <div><dt>${words.t("gateway")}</dt><dd data-part="version">${version ? words.t("version", { version }) : words.t("version_unknown")}</dd></div>
      <div><dt>${words.t("backend")}</dt><dd>${backendOf(words, settings, backend)}</dd></div>
      <div><dt>${words.t("offline")}</dt><dd data-part="offline">${words.t(installation.worksOffline ? "offline_yes" : "offline_no")}</dd></div>
    </dl>
    ${
      installation.canInstall &&
      html`<div class="settings-buttons">
      <button type="button" class="settings-button" id="install" onClick=${() => installation.install()}><${Icon} name="download" />${words.t("install")}</button>
      <p class="hint">${words.t("install_hint")}</p>
    </div>`
    }
    <p class="hint">${words.t("about_hint")}</p>`
}

function backendOf(words, settings, backend) {
  if (!settings.isOwnGateway) return words.t("backend_direct", { host: settings.host })
  return backend?.name ? `${backendName(words, backend.name)} ${backend.version ?? ""}`.trim() : "–"
}
