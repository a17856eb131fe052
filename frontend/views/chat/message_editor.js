import { html, useEffect, useRef } from "../../helpers/interface.js"
import { isComposing, MODIFIER, onEnter } from "../../helpers/keys.js"
import { useApp } from "../shared/context.js"

/** A message's text, to be changed: a question is asked again, an answer stands beside the first one. */
export function MessageEditor({ message, onDone }) {
  const { words, chat } = useApp()
  const field = useRef()
  const isUser = message.role === "user"
  useEffect(() => {
    field.current.focus()
    field.current.setSelectionRange(message.text.length, message.text.length)
    return () => document.getElementById(`message-${message.id}`)?.focus({ preventScroll: true })
  }, [])
  const save = () => {
    const text = field.current.value
    onDone()
    if (text !== message.text) chat.edit(message, text)
  }
  const onKey = (event) => {
    if (event.key === "Escape" && !isComposing(event)) {
      event.preventDefault()
      onDone()
    } else {
      onEnter(event, save, { withModifier: !isUser })
    }
  }
  return html`<form class="editor" onSubmit=${(event) => {
    event.preventDefault()
    save()
  }}>
    <textarea rows="3" aria-label=${words.t(isUser ? "edit_question" : "edit_answer")} defaultValue=${message.text} ref=${field} onKeyDown=${onKey}></textarea>
    <div class="editor-actions">
      <button type="submit" class="primary small">${words.t(isUser ? "send" : "keep")}</button>
      <button type="button" class="ghost" onClick=${onDone}>${words.t("cancel")}</button>
      <p class="hint">${words.t(isUser ? "edit_question_hint" : "edit_answer_hint", { modifier: MODIFIER })}</p>
    </div>
  </form>`
}
