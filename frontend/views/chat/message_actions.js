import { copyText } from "../../helpers/clipboard.js"
import { number } from "../../helpers/format.js"
import { html, useEffect, useState } from "../../helpers/interface.js"
import { useApp, useChanges } from "../shared/context.js"
import { Icon, IconButton } from "../shared/icons.js"

const COPIED_MS = 2000
const CUT = ["stopped", "length", "cut"]

/** What can be done with a message, and the way to its other versions. */
export function MessageActions({ message, thread, isNewest, onEdit }) {
  const { words, chat, route, conversations } = useApp()
  useChanges(chat)
  const isRunning = Boolean(chat.running(message.conversationId))
  const branch = async () => {
    const made = await conversations.branch(message.conversationId, message.id)
    route.go("chat", made.id)
  }
  const isCut = CUT.includes(message.state) && message.text !== "" && isNewest && message.role === "assistant"
  return html`
    ${
      isCut &&
      html`<button type="button" class="continue" data-do="continue" disabled=${isRunning} onClick=${() => chat.goOn(message)}>
      <${Icon} name="play" /><span>${words.t("go_on")}</span></button>`
    }
    <div class="message-actions" role="group" aria-label=${words.t("message_actions")}>
      <${Versions} message=${message} thread=${thread} isRunning=${isRunning} />
      <${Copy} text=${message.text} />
      <${IconButton} icon="edit" label=${words.t("edit")} data-do="edit" disabled=${isRunning} onClick=${() => onEdit(message.id)} />
      <${IconButton} icon="retry" label=${words.t("retry")} data-do="retry" disabled=${isRunning} onClick=${() => chat.retry(message)} />
      <${IconButton} icon="branch" label=${words.t("branch")} data-do="branch" onClick=${branch} />
      <${IconButton} icon="trash" label=${words.t("delete_message")} data-do="delete" onClick=${() => chat.removeMessage(message)} />
    </div>`
}

function Versions({ message, thread, isRunning }) {
  const { words, conversations } = useApp()
  const versions = thread.tree.siblings(message)
  if (versions.length < 2) return null
  const at = versions.findIndex(({ id }) => id === message.id)
  const show = (version) => conversations.change(thread.id, { head: thread.tree.leafUnder(version).id })
  const shown = { n: number(words, at + 1), all: number(words, versions.length) }
  return html`<span class="versions" role="group" aria-label=${words.t("versions")}>
    <${IconButton} icon="left" label=${words.t("version_before")} data-do="before" disabled=${isRunning || at === 0} onClick=${() => show(versions[at - 1])} />
    <span data-part="version" aria-live="polite"><span class="unseen">${words.t("version_of", shown)}</span><span aria-hidden="true">${shown.n}/${shown.all}</span></span>
    <${IconButton} icon="right" label=${words.t("version_after")} data-do="after" disabled=${isRunning || at === versions.length - 1} onClick=${() => show(versions[at + 1])} />
  </span>`
}

function Copy({ text }) {
  const { words } = useApp()
  const [outcome, setOutcome] = useState("")
  useEffect(() => {
    if (!outcome) return undefined
    const timer = setTimeout(() => setOutcome(""), COPIED_MS)
    return () => clearTimeout(timer)
  }, [outcome])
  const copy = async () => setOutcome((await copyText(text)) ? "copied" : "copy_refused")
  return html`<${IconButton} icon=${outcome === "copied" ? "check" : "copy"} label=${words.t("copy")} data-do="copy" onClick=${copy} />
    <span class="unseen" role="status">${outcome && words.t(outcome)}</span>`
}
