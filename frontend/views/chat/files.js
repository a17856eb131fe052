import Fault from "../../fault.js"
import { download } from "../../helpers/download.js"
import { duration, number } from "../../helpers/format.js"
import { html, useRef, useState } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"
import { Icon } from "../shared/icons.js"
import { Notice } from "../shared/notice.js"

/** All conversations as a file, and a file's conversations among these. */
export function Files() {
  const { words, conversations } = useApp()
  const [told, setTold] = useState("")
  const [faults, setFaults] = useState([])
  const field = useRef()
  const take = async (event) => {
    const [file] = event.target.files
    if (!file) return
    const { added, skipped, faults: found } = await imported(conversations, file)
    event.target.value = ""
    setTold(words.t("imported", { added: number(words, added), skipped: number(words, skipped) }))
    setFaults(found)
  }
  return html`<div class="files">
    <button type="button" class="ghost" data-do="import" onClick=${() => field.current.click()}><${Icon} name="upload" /><span>${words.t("import")}</span></button>
    <button type="button" class="ghost" data-do="export-all" onClick=${() => exportAll(conversations)}><${Icon} name="download" /><span>${words.t("export_all")}</span></button>
    <input type="file" id="import" hidden accept=".json,.md,.markdown,application/json,text/markdown" aria-label=${words.t("import")} ref=${field} onChange=${take} />
    <div data-part="import-outcome"><p class="hint" role="status">${told}</p>
      ${faults.map((fault) => html`<${Notice} fault=${fault} values=${{ place: fault.place }} />`)}</div>
  </div>`
}

async function imported(conversations, file) {
  try {
    return await conversations.importFile(file)
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault
    return { added: 0, skipped: 0, faults: [fault] }
  }
}

export async function exportAll(conversations) {
  save("passerelle.json", await conversations.exportJson())
}

export async function exportOne(conversations, { id, title }, words, isMarkdown) {
  const name =
    title
      .replace(/[^\p{L}\p{N} _-]+/gu, "")
      .trim()
      .slice(0, 60) || "conversation"
  if (isMarkdown) download(`${name}.md`, "text/markdown", await conversations.exportMarkdown(id, labels(words)))
  else save(`${name}.json`, await conversations.exportJson([id]))
}

function save(name, content) {
  download(name, "application/json", JSON.stringify(content, null, 2))
}

/** The headings of a Markdown file in the reader's language. */
function labels(words) {
  return {
    system: words.t("system"),
    user: words.t("you"),
    assistant: words.t("answer"),
    thought: words.t("reasoning"),
    text: words.t("answer"),
    exported: words.t("exported"),
    images: (count) => words.t("image_count", { n: number(words, count) }),
    figures: (answer) => figuresLine(words, answer),
  }
}

function figuresLine(words, { usage, tokensPerSecond, ttft }) {
  const told = [
    usage && `${words.t("figure_output")} ${number(words, usage.output_tokens)}`,
    tokensPerSecond && `${words.t("figure_speed")} ${number(words, tokensPerSecond, 1)}`,
    ttft && `${words.t("figure_ttft")} ${duration(words, ttft)}`,
  ]
  return told.filter(Boolean).join(" · ")
}
