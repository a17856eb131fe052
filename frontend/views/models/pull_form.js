import { backendName } from "../../helpers/format.js"
import { html, useEffect, useRef, useState } from "../../helpers/interface.js"
import { useApp, useChanges } from "../shared/context.js"

const LONGEST_NAME = 512
const SWITCH = "MANAGE_MODELS=true"
const EXAMPLES = { ollama: "llama3.2, qwen3:4b, hf.co/…", lmstudio: "qwen/qwen3-4b, https://huggingface.co/…" }

/** A name to be fetched; or why that cannot be done here, and how it could. `wanted`: the name to begin with. */
export function PullForm({ wanted }) {
  const { words, catalog, management } = useApp()
  useChanges(management)
  if (!management.isKnown) return null
  if (!management.isPossible()) return html`<p class="hint" data-part="cannot">${cannot(words, catalog)}</p>`
  if (!management.isEnabled) return html`<${HowToSwitchOn} wanted=${wanted} />`
  return management.can("pull") && html`<${Form} wanted=${wanted} />`
}

function cannot(words, { health }) {
  const name = health.backend?.name ?? ""
  return name === "embedded"
    ? words.t("manage_embedded")
    : words.t("manage_cannot", { backend: backendName(words, name) })
}

function HowToSwitchOn({ wanted }) {
  const { words } = useApp()
  return html`<details class="switch-on" data-part="switch-on" open=${Boolean(wanted)}>
    <summary>${words.t("manage_off")}</summary>
    <p>${words.t("manage_off_why")}</p>
    <pre tabindex="0"><code>${SWITCH}</code></pre>
  </details>`
}

function Form({ wanted }) {
  const { words, catalog, pulls } = useApp()
  const [name, setName] = useState(wanted)
  const field = useRef()
  useEffect(() => wanted && field.current.focus(), [])
  const { name: backend } = catalog.health?.backend ?? {}
  const pull = (event) => {
    event.preventDefault()
    if (!name.trim()) return field.current.focus()
    pulls.start(name.trim())
    setName("")
  }
  return html`<form class="pull-form" id="pull-form" onSubmit=${pull}>
    <label for="pull-name">${words.t("pull_title")}</label>
    <div class="with-button">
      <input type="text" id="pull-name" maxlength=${LONGEST_NAME} autocomplete="off" autocapitalize="off" spellcheck=${false} placeholder=${EXAMPLES[backend] ?? ""}
        aria-describedby="pull-hint" value=${name} ref=${field} onInput=${(event) => setName(event.target.value)} />
      <button type="submit" class="plain-button" id="pull">${words.t("pull")}</button>
    </div>
    <p class="hint" id="pull-hint">${words.t(backend === "lmstudio" ? "pull_hint_lmstudio" : "pull_hint")}</p>
  </form>`
}
