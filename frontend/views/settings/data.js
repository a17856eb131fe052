import Fault from "../../fault.js"
import { number, size } from "../../helpers/format.js"
import { html, useEffect, useState } from "../../helpers/interface.js"
import { useApp, useChanges } from "../shared/context.js"
import { Notice } from "../shared/notice.js"
import { EraseEverything } from "./erase_everything.js"
import { EverythingFile } from "./everything_file.js"

/** What this page keeps in this browser, how safely, and how to take it along or be rid of it. */
export function Data() {
  const { words, presets } = useApp()
  const conversations = useConversations()
  const kept = useKept(conversations)
  if (!kept) return html`<p class="hint" role="status">${words.t("data_looking")}</p>`
  const { count, bytes, quota, isPersisted } = kept
  const room =
    bytes === null
      ? words.t("not_told")
      : quota
        ? words.t("room", { bytes: size(words, bytes), quota: size(words, quota) })
        : size(words, bytes)
  return html`
    <dl class="settings-facts">
      <div><dt>${words.t("conversations")}</dt><dd data-part="count">${number(words, count)}</dd></div>
      <div><dt>${words.t("own_prompts")}</dt><dd data-part="presets">${number(words, presets.exportJson().presets.length)}</dd></div>
      <div><dt>${words.t("room_used")}</dt><dd data-part="room">${room}</dd></div>
      <div><dt>${words.t("eviction")}</dt><dd data-part="eviction">${words.t(isPersisted === null ? "not_told" : isPersisted ? "eviction_no" : "eviction_yes")}</dd></div>
    </dl>
    <${Notice} fault=${conversations.fault && new Fault(conversations.fault)} />
    ${isPersisted === false && html`<${Persistence} conversations=${conversations} onAnswer=${kept.refresh} />`}
    <${EverythingFile} />
    <${EraseEverything} conversations=${conversations} />`
}

/** Asks the browser to keep the data whatever happens; some ask the reader, some decide alone. */
function Persistence({ conversations, onAnswer }) {
  const { words } = useApp()
  const [isRefused, setRefused] = useState(false)
  const ask = async () => {
    setRefused(!(await conversations.askToPersist()))
    onAnswer()
  }
  return html`<div class="settings-buttons">
    <button type="button" class="settings-button" id="persist" onClick=${ask}>${words.t("persist")}</button>
    <p class="hint" role="status">${isRefused && words.t("persist_refused")}</p>
  </div>`
}

/** The conversations, once they are open. */
function useConversations() {
  const app = useApp()
  const [conversations, setConversations] = useState(app.conversations)
  useEffect(() => {
    app.open().then(() => setConversations(app.conversations))
  }, [])
  return conversations
}

/** How much there is, told anew whenever it changes; null until it is known. */
function useKept(conversations) {
  const { presets } = useApp()
  const [kept, setKept] = useState(null)
  useChanges(presets)
  useEffect(() => {
    let isWanted = true
    const refresh = async () => {
      const [list, room] = await Promise.all([conversations.list(), conversations.estimate()])
      if (isWanted) setKept({ count: list.length, ...room, refresh })
    }
    if (conversations) refresh()
    conversations?.addEventListener("change", refresh)
    return () => {
      isWanted = false
      conversations?.removeEventListener("change", refresh)
    }
  }, [conversations])
  return kept
}
