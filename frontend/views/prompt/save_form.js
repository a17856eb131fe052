import Fault from "../../fault.js"
import { html, useEffect, useRef, useState } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"

/** Keeps what is typed as a preset of the reader's own. A name that one has already is asked about. */
export function SaveForm({ onDone }) {
  const { words, prompt, presets } = useApp()
  const { chosen, origin } = prompt.text
  const own = presets.all(words.language).filter(({ isOwn }) => isOwn)
  const [name, setName] = useState(() => own.find(({ id }) => id === (chosen?.id ?? origin))?.title ?? "")
  const [asked, setAsked] = useState(null)
  const [isRefused, setRefused] = useState(false)
  const field = useRef()
  const replace = useRef()
  useEffect(() => field.current.select(), [])
  useEffect(() => replace.current?.focus(), [asked])
  const save = (id) => {
    try {
      prompt.text.save(name, id)
      onDone()
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault
      setRefused(true)
    }
  }
  const submit = (event) => {
    event.preventDefault()
    const twin = own.find(({ title }) => title.toLowerCase() === name.trim().toLowerCase())
    if (!name.trim()) field.current.focus()
    else if (twin && !asked) setAsked(twin)
    else save(twin?.id)
  }
  const type = (event) => {
    setName(event.target.value)
    setAsked(null)
  }
  const onKey = (event) => {
    if (event.key !== "Escape") return
    event.stopPropagation()
    onDone()
  }
  return html`<form class="save-form" data-part="save-form" onSubmit=${submit} onKeyDown=${onKey}>
    <label for="preset-name">${words.t("preset_name")}</label>
    <input type="text" id="preset-name" maxlength="300" autocomplete="off" value=${name} ref=${field} onInput=${type} />
    ${asked && html`<p class="objection" role="alert">${words.t("preset_replace_question", { name: asked.title })}</p>`}
    ${isRefused && html`<p class="objection" role="alert">${words.t("preset_refused")}</p>`}
    <div class="ways">
      <button type="submit" data-do="keep" key=${asked ? "replace" : "save"} ref=${asked ? replace : undefined}>${words.t(asked ? "preset_replace" : "preset_save")}</button>
      <button type="button" data-do="cancel" onClick=${onDone}>${words.t("cancel")}</button>
    </div>
  </form>`
}
