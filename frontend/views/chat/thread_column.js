import { html, useRef, useState } from "../../helpers/interface.js"
import { AnswerState } from "../shared/answer.js"
import { useApp, useChanges } from "../shared/context.js"
import { Icon, IconButton } from "../shared/icons.js"
import { modelTitle } from "../shared/model_choice.js"
import { Notice } from "../shared/notice.js"
import { Composer } from "./composer.js"
import { ConversationSheet } from "./conversation_sheet.js"
import { exportAll } from "./files.js"
import { Messages } from "./messages.js"

/** An open conversation, or the one to come (no `id`): its head, its messages, and where the next one is written. */
export function ThreadColumn({ id, thread, onList }) {
  const { words, route, chat, catalog, conversations } = useApp()
  useChanges(chat, catalog, conversations)
  const [isSheetOpen, setSheetOpen] = useState(false)
  const [editing, setEditing] = useState("")
  const question = useRef()
  const conversation = id ? thread?.conversation : chat.blank
  const model = conversation && chat.model(conversation)
  const newest = thread?.path.at(-1)
  const ways = {
    to_prompt: () => question.current.focus(),
    to_question: () => question.current.focus(),
    to_model: () => setSheetOpen(true),
    to_new: () => route.go("chat"),
    to_export: () => exportAll(conversations),
  }
  return html`<section class="card thread" id="thread" aria-labelledby="thread-title">
    <header class="thread-head">
      ${onList && html`<${IconButton} icon="menu" label=${words.t("conversations")} id="open-list" onClick=${onList} />`}
      <h2 class="column-title" id="thread-title">${thread?.conversation ? thread.conversation.title || words.t("untitled") : words.t("new_conversation")}</h2>
      ${newest?.role === "assistant" && html`<${AnswerState} answer=${chat.answerOf(newest)} />`}
      <button type="button" class="ghost" id="to-conversation-settings" onClick=${() => setSheetOpen(true)} disabled=${!conversation}>
        <${Icon} name="settings" /><span data-part="model">${model ? modelTitle(words, model) : words.t("no_model")}</span>
        <span class="unseen">${words.t("conversation_settings")}</span></button>
    </header>
    <div id="storage-notice"><${Notice} fault=${conversations.fault && { kind: conversations.fault, detail: "" }} ways=${ways} /></div>
    ${
      thread?.isGone
        ? html`<div class="thread-body"><${Notice} fault=${{ kind: "conversation_gone", detail: "" }} ways=${ways} /></div>`
        : html`<${Messages} thread=${thread} isNew=${!id} ways=${ways} editing=${editing} onEdit=${setEditing} />`
    }
    <${Composer} id=${id} thread=${thread} conversation=${conversation} model=${model} question=${question} ways=${ways} onEditLast=${setEditing} />
    ${conversation && html`<${ConversationSheet} id=${id} conversation=${conversation} isOpen=${isSheetOpen} onClose=${() => setSheetOpen(false)} />`}
  </section>`
}
