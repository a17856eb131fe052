import { html, useEffect, useState } from "../../helpers/interface.js"
import { onEnter } from "../../helpers/keys.js"
import { contextUse, isBlind } from "../../state/chat/context_use.js"
import { usePhase } from "../shared/answer.js"
import { useApp, useChanges } from "../shared/context.js"
import { Notice } from "../shared/notice.js"
import { SendOrStop } from "../shared/send_or_stop.js"
import { AttachButton, pastedFiles, useAttaching } from "./attaching.js"
import { ContextGauge } from "./context_gauge.js"
import { Pictures } from "./pictures.js"

const HAS_KEYS = matchMedia("(hover: hover)")

/** Where the next question is written. It grows with its text; while an answer runs, Stop takes the place of Send. */
export function Composer({ id, thread, conversation, model, question, ways, onEditLast }) {
  const { words, route, chat } = useApp()
  useChanges(chat, chat.unsent)
  const running = chat.running(id)
  usePhase(running)
  const attaching = useAttaching(id)
  const drop = useDrop(attaching.add)
  const text = chat.unsent.text(id)
  const isLost = Boolean(thread?.isGone)
  const send = async () => {
    await attaching.ready()
    attaching.forgive()
    const sent = await chat.send(id)
    if (sent && route.view === "chat" && route.id === id) route.replace("chat", sent)
  }
  useEffect(() => {
    if (HAS_KEYS.matches) question.current.focus({ preventScroll: true }) // on a touch screen that would bring up its keyboard
  }, [])
  const onKey = (event) => {
    if (event.key === "ArrowUp" && !text) editLast(event, thread, onEditLast)
    else onEnter(event, send)
  }
  const onPaste = (event) => {
    const files = pastedFiles(event)
    if (files.length > 0) event.preventDefault()
    attaching.add(files)
  }
  return html`<form class="chat-composer" id="chat-composer" aria-label=${words.t("next_question")} data-over=${String(drop.isOver)} ...${drop.listeners}
    onSubmit=${(event) => {
      event.preventDefault()
      send()
    }}>
    <div class="beside-question">
      ${chat.unsent.images(id).length > 0 && html`<${Pictures} images=${chat.unsent.images(id)} onRemove=${attaching.remove} />`}
      <${Objections} id=${id} attaching=${attaching} ways=${ways} />
      <${Warnings} id=${id} thread=${thread} conversation=${conversation} model=${model} ways=${ways} />
    </div>
    <p class="hint" role="status">${attaching.isBusy ? words.t("attaching") : ""}</p>
    <label class="unseen" for="question">${words.t("next_question")}</label>
    <textarea id="question" rows="2" placeholder=${words.t("question_placeholder")} aria-describedby="chat-keys" value=${text} disabled=${isLost} ref=${question}
      onInput=${(event) => chat.unsent.type(id, event.target.value)} onKeyDown=${onKey} onPaste=${onPaste}></textarea>
    <div class="composer-tools">
      <${AttachButton} onFiles=${attaching.add} isDisabled=${isLost} />
      <${InFrench} id=${id} conversation=${conversation} />
      <${Gauge} id=${id} thread=${thread} conversation=${conversation} model=${model} />
      <p class="hint keys" id="chat-keys">${words.t("chat_keys")}</p>
      <${SendOrStop} isRunning=${Boolean(running)} isDisabled=${isLost} onStop=${() => chat.stop(id)} />
    </div>
  </form>`
}

/** Why something was not sent or not taken. */
function Objections({ id, attaching, ways }) {
  const { chat } = useApp()
  return html`<div data-part="fault">
    <${Notice} fault=${chat.fault(id)} ways=${ways} />
    ${attaching.faults.map((fault) => html`<${Notice} fault=${fault} values=${{ file: fault.file }} />`)}
  </div>`
}

/** What will go wrong if this is sent. */
function Warnings({ id, thread, conversation, model, ways }) {
  const { chat } = useApp()
  const use = useContextUse(id, thread, conversation, model)
  const hasImages = [{ images: chat.unsent.images(id) }, ...(thread?.path ?? [])].some(
    ({ images }) => images?.length > 0,
  )
  const { retry: _, ...others } = ways
  return html`<div data-part="warnings">
    <${Notice} fault=${use?.level === "over" && !chat.running(id) ? { kind: "context_full", detail: "" } : null} ways=${others} />
    <${Notice} fault=${hasImages && isBlind(model) ? { kind: "no_vision", detail: "" } : null} ways=${others} />
  </div>`
}

function Gauge(props) {
  return html`<${ContextGauge} use=${useContextUse(props.id, props.thread, props.conversation, props.model)} />`
}

function useContextUse(id, thread, conversation, model) {
  const { chat } = useApp()
  return contextUse({
    model,
    path: thread?.path ?? [],
    answerOf: (message) => chat.answerOf(message),
    system: conversation?.system ?? "",
    draft: chat.unsent.text(id),
    images: chat.unsent.images(id),
  })
}

function useDrop(add) {
  const [isOver, setOver] = useState(false)
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files")
  const over = (event) => {
    if (!hasFiles(event)) return
    event.preventDefault()
    setOver(true)
  }
  const drop = (event) => {
    if (!hasFiles(event)) return
    event.preventDefault()
    setOver(false)
    add([...event.dataTransfer.files])
  }
  return { isOver, listeners: { onDragEnter: over, onDragOver: over, onDragLeave: () => setOver(false), onDrop: drop } }
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
