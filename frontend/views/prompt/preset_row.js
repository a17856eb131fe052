import { html, useEffect, useLayoutEffect, useRef, useState } from "../../helpers/interface.js"
import { isComposing } from "../../helpers/keys.js"
import { useApp } from "../shared/context.js"
import { IconButton } from "../shared/icons.js"

/** A preset in the library: its title and how it begins; one of the reader's own can be renamed and deleted. */
export function PresetRow({ preset, onChoose, onCopy, onRemove }) {
  const { words, prompt } = useApp()
  const [isNaming, setNaming] = useState(false)
  const rename = useRef()
  const wasNaming = useRef(false)
  useLayoutEffect(() => {
    if (wasNaming.current && !isNaming) rename.current.focus()
    wasNaming.current = isNaming
  }, [isNaming])
  const { id, title, isOwn, system, user } = preset
  if (isNaming)
    return html`<li class="preset-row"><${NameField} preset=${preset} onDone=${() => setNaming(false)} /></li>`
  return html`<li class="preset-row" data-row=${id}>
    <button type="button" class="preset-choice" aria-pressed=${String(prompt.text.chosen?.id === id)} onClick=${() => onChoose(id)}>
      <span class="preset-title">${title}</span>
      <span class="preset-start">${(system || user).slice(0, 200)}</span>
    </button>
    ${isOwn && html`<${IconButton} icon="edit" label=${words.t("rename_it", { title })} data-do="rename" buttonRef=${rename} onClick=${() => setNaming(true)} />`}
    <${IconButton} icon="copy" label=${words.t("preset_duplicate", { title })} data-do="duplicate" onClick=${() => onCopy(preset)} />
    ${isOwn && html`<${IconButton} icon="trash" label=${words.t("delete_it", { title })} data-do="delete" onClick=${() => onRemove(preset)} />`}
  </li>`
}

function NameField({ preset, onDone }) {
  const { words, presets } = useApp()
  const field = useRef()
  useEffect(() => field.current.select(), [])
  const save = (title) => {
    if (title.trim() && title !== preset.title) presets.save({ ...preset, title })
    onDone()
  }
  const onKey = (event) => {
    if (!["Enter", "Escape"].includes(event.key) || isComposing(event)) return
    event.preventDefault() // Escape would close the library
    if (event.key === "Enter") save(event.target.value)
    else onDone()
  }
  return html`<input type="text" class="preset-name" aria-label=${words.t("preset_name")} maxlength="300" defaultValue=${preset.title} ref=${field}
    onKeyDown=${onKey} onBlur=${(event) => save(event.target.value)} />`
}
