import { reveal } from "../../helpers/dom.js"
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../helpers/interface.js"
import { MODIFIER, onEnter } from "../../helpers/keys.js"
import { usePhase } from "../shared/answer.js"
import { useApp } from "../shared/context.js"
import { Icon } from "../shared/icons.js"
import { SendOrStop } from "../shared/send_or_stop.js"
import { Examples } from "./examples.js"
import { PresetBar } from "./preset_bar.js"
import { PresetLibrary } from "./preset_library.js"
import { SaveForm } from "./save_form.js"
import { useImport } from "./use_import.js"
import { Variables } from "./variables.js"

/** The two prompts, the presets above them, Send and Stop below. */
export function Composer() {
  const { words, prompt, presets } = useApp()
  const { text } = prompt
  usePhase(prompt.generation)
  const isRunning = Boolean(prompt.generation?.isRunning)
  const [isSaving, setSaving] = useState(false)
  const [isLibraryOpen, setLibraryOpen] = useState(false)
  const files = useImport(presets, () => setLibraryOpen(true))
  const send = () => {
    prompt.send()
    if (prompt.gap) requestAnimationFrame(() => reveal(document.getElementById(fieldOf(prompt.gap))))
  }
  useKeys(prompt, send)
  const submit = (event) => {
    event.preventDefault()
    send()
  }
  return html`<section class="card composer" aria-labelledby="composer-title" ...${files.dropZone}>
    <div class="card-head">
      <h2 class="column-title" id="composer-title">${words.t("prompts")}</h2>
      <${SaveButton} isSaving=${isSaving} onClick=${() => setSaving(!isSaving)} />
    </div>
    ${isSaving && html`<${SaveForm} onDone=${() => setSaving(false)} />`}
    <${PresetBar} onLibrary=${() => setLibraryOpen(true)} />
    <form class="prompts" id="composer" aria-labelledby="composer-title" onSubmit=${submit}>
      <div class="field">
        <label for="system">${words.t("system_prompt")}</label>
        <textarea id="system" rows="5" placeholder=${words.t("system_placeholder")} value=${text.system}
          onInput=${(event) => text.type("system", event.target.value)}></textarea>
      </div>
      <${Examples} />
      <div class="field grow">
        <label for="human">${words.t("human_prompt")}</label>
        <textarea id="human" rows="6" placeholder=${words.t("variable_hint", { variable: `{{${words.t("topic")}}}` })} aria-describedby="keys" value=${text.human}
          onInput=${(event) => text.type("human", event.target.value)}></textarea>
      </div>
      <${Variables} />
      <div class="actions" id="actions">
        <${SendOrStop} isRunning=${isRunning} onStop=${() => prompt.stop()} />
        <p class="hint keys" id="keys">${words.t("keys", { modifier: MODIFIER })}</p>
      </div>
    </form>
    <${PresetLibrary} isOpen=${isLibraryOpen} onClose=${() => setLibraryOpen(false)} files=${files} />
  </section>`
}

/** The id of the field that a gap is in. */
export function fieldOf(gap) {
  return gap.kind === "example" ? `example-${gap.id}-${gap.role}` : `variable-${gap.name}`
}

function SaveButton({ isSaving, onClick }) {
  const { words } = useApp()
  const button = useRef()
  const wasSaving = useRef(false)
  useLayoutEffect(() => {
    if (wasSaving.current && !isSaving) button.current.focus()
    wasSaving.current = isSaving
  }, [isSaving])
  return html`<button type="button" class="ghost" data-do="save" aria-expanded=${String(isSaving)} ref=${button} onClick=${onClick}>
    <${Icon} name="save" /><span>${words.t("preset_save")}</span></button>`
}

function useKeys(prompt, send) {
  useEffect(() => {
    const listen = (event) => {
      if (document.querySelector("dialog[open]")) return
      if (event.key === "Escape") prompt.stop()
      else onEnter(event, send, { withModifier: true })
    }
    document.addEventListener("keydown", listen)
    return () => document.removeEventListener("keydown", listen)
  }, [prompt])
}
