import { html, useEffect, useRef, useState } from "../../helpers/interface.js"
import { isComposing } from "../../helpers/keys.js"
import { address } from "../../state/page/route.js"
import { useApp } from "../shared/context.js"
import { IconButton } from "../shared/icons.js"

/** A conversation in the list: its title, what the search found in it, Rename and Delete. */
export function ConversationRow({ conversation, isCurrent, isRunning, onChosen }) {
  const { words, chat, route } = useApp()
  const [isNaming, setNaming] = useState(false)
  const { id, excerpt } = conversation
  const title = conversation.title || words.t("untitled")
  const remove = async () => {
    if (isCurrent) route.replace("chat")
    await chat.remove(id)
  }
  if (isNaming)
    return html`<li class="row naming"><${TitleField} conversation=${conversation} onDone=${() => setNaming(false)} /></li>`
  return html`<li class="row" data-conversation=${id}>
    <a href=${address("chat", id)} aria-current=${isCurrent ? "page" : undefined} onClick=${onChosen}>
      <span class="row-title">${title}</span>
      ${isRunning && html`<span class="dot running" title=${words.t("answer_running")}><span class="unseen">${words.t("answer_running")}</span></span>`}
      ${excerpt && html`<span class="excerpt">${excerpt.before}<mark>${excerpt.match}</mark>${excerpt.after}</span>`}
    </a>
    <span class="row-actions">
      <${IconButton} icon="edit" label=${words.t("rename_it", { title })} data-do="rename" onClick=${() => setNaming(true)} />
      <${IconButton} icon="trash" label=${words.t("delete_it", { title })} data-do="delete" onClick=${remove} />
    </span>
  </li>`
}

function TitleField({ conversation, onDone }) {
  const { words, conversations } = useApp()
  const field = useRef()
  useEffect(() => field.current.select(), [])
  const isDone = useRef(false)
  const end = () => {
    isDone.current = true
    onDone()
  }
  const save = async (title) => {
    if (isDone.current) return // a field that goes loses the focus once more
    end()
    if (title !== conversation.title) await conversations.change(conversation.id, { title }).catch(() => {}) // deleted meanwhile: the list shows it
  }
  const onKey = (event) => {
    if (isComposing(event)) return
    if (event.key === "Enter") save(event.target.value)
    if (event.key === "Escape") end()
    if (["Enter", "Escape"].includes(event.key)) event.preventDefault()
  }
  return html`<input type="text" class="title-field" aria-label=${words.t("title")} maxlength="300" defaultValue=${conversation.title} ref=${field}
    onKeyDown=${onKey} onBlur=${(event) => save(event.target.value)} />`
}
