import Fault from "../../fault.js"
import { download } from "../../helpers/download.js"
import { number } from "../../helpers/format.js"
import { html, useRef, useState } from "../../helpers/interface.js"
import Archive from "../../state/page/archive.js"
import { useApp } from "../shared/context.js"
import { Icon } from "../shared/icons.js"
import { Notice } from "../shared/notice.js"

/** Everything as one file, and such a file into what is here. */
export function EverythingFile() {
  const app = useApp()
  const { words } = app
  const [outcome, setOutcome] = useState(null)
  const field = useRef()
  const archive = new Archive(app)
  const save = async () =>
    download(
      `passerelle-${new Date().toISOString().slice(0, 10)}.json`,
      "application/json",
      JSON.stringify(await archive.exportJson(), null, 2),
    )
  const take = async ({ target }) => {
    const [file] = target.files
    if (!file) return
    setOutcome(await imported(archive, file))
    target.value = ""
  }
  return html`<div class="settings-buttons">
    <button type="button" class="settings-button" id="export-everything" onClick=${save}><${Icon} name="download" />${words.t("export_everything")}</button>
    <button type="button" class="settings-button" id="import-everything" onClick=${() => field.current.click()}><${Icon} name="upload" />${words.t("import_everything")}</button>
    <input type="file" id="everything-file" hidden accept=".json,.md,.markdown,application/json,text/markdown" aria-label=${words.t("import_everything")} ref=${field} onChange=${take} />
    <p class="hint">${words.t("export_everything_hint")}</p>
    <div data-part="import-outcome" role="status">${outcome?.conversations && html`<${Outcome} outcome=${outcome} />`}</div>
    ${outcome?.faults.map((fault, index) => html`<${Notice} key=${index} fault=${fault} values=${{ place: fault.place }} />`)}
  </div>`
}

function Outcome({ outcome: { conversations, presets } }) {
  const { words } = useApp()
  const told = ({ added, skipped }) => ({ added: number(words, added), skipped: number(words, skipped) })
  return html`<p class="hint">${words.t("imported", told(conversations))}</p><p class="hint">${words.t("imported_prompts", told(presets))}</p>`
}

async function imported(archive, file) {
  try {
    return await archive.importFile(file)
  } catch (fault) {
    if (fault instanceof Fault) return { faults: [fault] }
    throw fault
  }
}
