import { html, useEffect, useLayoutEffect, useRef } from "../../helpers/interface.js"
import { onEnter } from "../../helpers/keys.js"
import { usePhase } from "../shared/answer.js"
import { useApp, useChanges } from "../shared/context.js"
import { Notice } from "../shared/notice.js"

/** Where the next question is written. It grows with its text; while an answer runs, Stop takes the place of Send. */
export function Composer({ id, thread, conversation, question, ways, onEditLast }) {
  const { words, route, chat } = useApp()
  useChanges(chat, chat.unsent)
  const running = chat.running(id)
  usePhase(running)
  const text = chat.unsent.text(id)
  const isLost = Boolean(thread?.isGone)
  const send = async () => {
    const sent = await chat.send(id)
    if (sent && route.view === "chat" && route.id === id) route.replace("chat", sent)
  }
  useEffect(() => question.current.focus({ preventScroll: true }), [])
  const onKey = (event) => {
    if (event.key === "ArrowUp" && !text) editLast(event, thread, onEditLast)
    else onEnter(event, send)
  }
  return html`<form class="chat-composer" id="chat-composer" aria-label=${words.t("next_question")} onSubmit=${(event) => { event.preventDefault(); send() }}>
    <div data-part="fault"><${Notice} fault=${chat.fault(id)} ways=${ways} /></div>
    <label class="unseen" for="question">${words.t("next_question")}</label>
    <textarea id="question" rows="2" placeholder=${words.t("human_placeholder")} aria-describedby="chat-keys" value=${text} disabled=${isLost} ref=${question}
      onInput=${(event) => chat.unsent.type(id, event.target.value)} onKeyDown=${onKey}></textarea>
    <div class="composer-tools">
      <${InFrench} id=${id} conversation=${conversation} />
      <p class="hint keys" id="chat-keys">${words.t("chat_keys")}</p>
      <${SendOrStop} isRunning=${Boolean(running)} isDisabled=${isLost} onStop=${() => chat.stop(id)} />
    </div>
  </form>`
}

function editLast(event, thread, onEditLast) {
  const last = thread?.path.findLast(({ role }) => role === "user")
  if (!last) return
  event.preventDefault()
  onEditLast(last.id)
}

function InFrench({ id, conversation }) {
  const { words, chat, conversations } = useApp()
  const turn = (event) => {
    const fields = { answersInFrench: event.target.checked }
    if (id) conversations.change(id, fields)
    else chat.changeBlank(fields)
  }
  return html`<label class="check switch"><input type="checkbox" role="switch" id="in-french" checked=${Boolean(conversation?.answersInFrench)} disabled=${!conversation} onChange=${turn} />
    <span>${words.t("answer_in_french")}</span></label>`
}

/** The focus goes from one button to the other. */
function SendOrStop({ isRunning, isDisabled, onStop }) {
  const { words } = useApp()
  const button = useRef()
  const hadFocus = document.activeElement === button.current // while this is drawn the old button is still there
  useLayoutEffect(() => {
    if (hadFocus) button.current.focus()
  }, [isRunning])
  return isRunning
    ? html`<button type="button" class="stop" id="stop" key="stop" ref=${button} onClick=${onStop}><span class="square" aria-hidden="true"></span><span>${words.t("stop")}</span></button>`
    : html`<button type="submit" class="primary" id="send" key="send" disabled=${isDisabled} ref=${button}>${words.t("send")}</button>`
}
