import { html, useEffect, useRef } from "../../helpers/interface.js"
import { ConnectionForm } from "../shared/connection_form.js"
import { useApp, useChanges } from "../shared/context.js"
import { ModelChoice } from "../shared/model_choice.js"
import { ParametersForm } from "../shared/parameters_form.js"
import { About } from "./about.js"
import { Choices } from "./choices.js"
import { Data } from "./data.js"

/** What the page does everywhere. `#/settings/key` leads to the field of that id. */
export function SettingsView() {
  const { words, settings, catalog } = useApp()
  useChanges(settings, catalog)
  const root = useRef()
  useField(root)
  return html`<div class="settings-view" ref=${root}>
    <h2 class="settings-title">${words.t("view_settings")}</h2>
    <div class="settings-column">
      <${Section} id="connection" title=${words.t("connection")}>
        <form class="settings-form" autocomplete="off" onSubmit=${(event) => event.preventDefault()}><${ConnectionForm} /></form>
      <//>
      <${Section} id="defaults" title=${words.t("defaults")} hint=${words.t("defaults_hint")}>
        <${ModelChoice} onChoose=${(id) => (settings.model = id)} />
        <${ParametersForm} value=${settings.parameters} model=${catalog.model} onChange=${(parameters) => (settings.parameters = parameters)} />
      <//>
    </div>
    <div class="settings-column">
      <${Section} id="appearance" title=${words.t("appearance")}>
        <${Choices} name="language" label=${words.t("language")} value=${words.language} onChoose=${(language) => words.use(language)}
          choices=${[["fr", "Français", "fr"], ["en", "English", "en"]]} />
        <${Choices} name="theme" label=${words.t("theme")} value=${settings.theme} onChoose=${(theme) => (settings.theme = theme)}
          choices=${[["", words.t("theme_system")], ["light", words.t("theme_light")], ["dark", words.t("theme_dark")]]} />
      <//>
      <${Section} id="data" title=${words.t("data")} hint=${words.t("data_hint")}><${Data} /><//>
      <${Section} id="about" title=${words.t("about")}><${About} /><//>
    </div>
  </div>`
}

function Section({ id, title, hint, children }) {
  return html`<section class="card settings-section" id=${id} aria-labelledby=${`${id}-title`}>
    <h3 class="column-title" id=${`${id}-title`}>${title}</h3>
    ${hint && html`<p class="hint">${hint}</p>`}
    ${children}
  </section>`
}

/** Focuses the field that the address names, if it is one of this view. */
function useField(root) {
  const { route } = useApp()
  useChanges(route)
  useEffect(() => {
    if (!route.id) return
    const field = root.current.querySelector(`#${CSS.escape(route.id)}`)
    field?.focus()
    field?.select?.()
  }, [route.id])
}
