import Fault from "../../fault.js"
import { download } from "../../helpers/download.js"
import { number } from "../../helpers/format.js"
import { html, useRef, useState } from "../../helpers/interface.js"
import Search from "../../helpers/search.js"
import { useApp, useChanges } from "../shared/context.js"
import { Icon } from "../shared/icons.js"
import { Notice } from "../shared/notice.js"
import { Sheet } from "../shared/sheet.js"
import { PresetRow } from "./preset_row.js"

/** All presets, to search, choose, rename, copy and delete, and their files. */
export function PresetLibrary({ isOpen, onClose, files }) {
  const { words } = useApp()
  const close = () => {
    files.forget()
    onClose()
  }
  return html`<${Sheet} id="preset-library" side="middle" isOpen=${isOpen} onClose=${close} title=${words.t("library_title")}>
    <${Library} onClose=${onClose} files=${files} />
  <//>`
}

function Library({ onClose, files }) {
  const { words, prompt, presets } = useApp()
  useChanges(presets)
  const [query, setQuery] = useState("")
  const [deleted, setDeleted] = useState(null)
  const field = useRef()
  const search = new Search(query)
  const found = presets
    .all(words.language)
    .filter(({ title, system, user }) => search.finds(`${title}\n${system}\n${user}`))
  const choose = (id) => {
    prompt.text.choose(id)
    onClose()
  }
  const remove = (preset) => {
    setDeleted({ preset, wasChosen: prompt.text.chosen?.id === preset.id })
    presets.remove(preset.id)
    field.current.focus()
  }
  const undo = () => {
    presets.restore(deleted.preset)
    if (deleted.wasChosen) prompt.text.choose(deleted.preset.id)
    setDeleted(null)
    field.current.focus()
  }
  const copy = (preset) =>
    choose(presets.save({ ...preset, id: undefined, title: words.t("preset_copy", { name: preset.title }) }).id)
  const group = (isOwn, key) => {
    const rows = found.filter((preset) => preset.isOwn === isOwn)
    return (
      rows.length > 0 &&
      html`<h3 class="label" key=${key}>${words.t(key)}</h3><ul class="preset-list" key=${`${key}-list`} data-part=${key}>
      ${rows.map((preset) => html`<${PresetRow} key=${preset.id} preset=${preset} onChoose=${choose} onCopy=${copy} onRemove=${remove} />`)}
    </ul>`
    )
  }
  return html`<div class="library" ...${files.dropZone}>
    <label class="search-field"><span class="unseen">${words.t("library_search")}</span><${Icon} name="search" />
      <input type="search" id="preset-search" autofocus placeholder=${words.t("library_search")} value=${query} ref=${field} onInput=${(event) => setQuery(event.target.value)} /></label>
    <div class="library-list">
      ${group(true, "presets_own")}${group(false, "presets_built_in")}
      ${found.length === 0 && html`<p class="hint">${words.t("library_no_match")}</p>`}
    </div>
    <div role="status">${
      deleted &&
      html`<p class="undo-row" data-part="undo"><span>${words.t("preset_deleted", { name: deleted.preset.title })}</span>
      <button type="button" class="link-button" data-do="undo" onClick=${undo}>${words.t("undo")}</button></p>`
    }</div>
    <${LibraryFiles} files=${files} />
  </div>`
}

function LibraryFiles({ files }) {
  const { words, presets } = useApp()
  const field = useRef()
  const { outcome, take } = files
  const hasOwn = presets.all(words.language).some(({ isOwn }) => isOwn)
  const save = () =>
    download("passerelle-prompts.json", "application/json", JSON.stringify(presets.exportJson(), null, 2))
  const pick = async ({ target }) => {
    if (target.files[0]) await take(target.files[0])
    target.value = "" // so that the same file can be chosen again
  }
  return html`<div class="library-files">
    <button type="button" class="ghost" data-do="import" onClick=${() => field.current.click()}><${Icon} name="upload" /><span>${words.t("import")}</span></button>
    <button type="button" class="ghost" data-do="export" disabled=${!hasOwn} onClick=${save}><${Icon} name="download" /><span>${words.t("library_export")}</span></button>
    <input type="file" id="preset-file" hidden accept=".json,application/json" aria-label=${words.t("import")} ref=${field} onChange=${pick} />
    <p class="hint">${words.t("library_drop")}</p>
    <div class="outcome" data-part="outcome">
      <p class="hint" role="status">${outcome && words.t("presets_imported", { added: number(words, outcome.added), skipped: number(words, outcome.skipped) })}</p>
      ${outcome?.faults.map((fault, index) => html`<${Notice} key=${index} fault=${fault} values=${{ place: fault.place }} />`)}
      <${Notice} fault=${hasOwn && presets.fault ? new Fault("presets_unstored") : null} />
    </div>
  </div>`
}
