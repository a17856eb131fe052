import { html, useRef } from "../../helpers/interface.js"
import { Answer } from "../shared/answer.js"
import { useApp } from "../shared/context.js"
import { MessageActions } from "./message_actions.js"
import { MessageEditor } from "./message_editor.js"
import { useIsNear } from "./nearness.js"
import { Pictures } from "./pictures.js"

/**
 * One message. Its text is in the page from the beginning, so that the browser's own search finds it; what takes time
 * (Markdown, figures, buttons) comes when it is near what is seen.
 */
export function Message({ message, thread, isNewest, isDrawnAtOnce, isEditing, nearness, ways, onEdit }) {
  const { words } = useApp()
  const root = useRef()
  const isNear = useIsNear(nearness, root, isDrawnAtOnce)
  const isUser = message.role === "user"
  const title = words.t(isUser ? "you" : "answer")
  return html`<article class="message" id=${`message-${message.id}`} data-role=${message.role} data-state=${message.state} tabindex="-1" ref=${root}>
    <h3 class="unseen">${title}</h3>
    ${
      isEditing
        ? html`<${MessageEditor} key=${message.id} message=${message} onDone=${() => onEdit("")} />`
        : html`<div class="bubble">
          ${message.images?.length > 0 && html`<${Pictures} images=${message.images} />`}
          ${
            isUser || !isNear
              ? html`<div class="text plain" data-part="text">${message.text}</div>`
              : html`<${AnswerBox} message=${message} ways=${ways} />`
          }
        </div>
        ${isNear && html`<${MessageActions} message=${message} thread=${thread} isNewest=${isNewest} onEdit=${onEdit} />`}`
    }
  </article>`
}

/** An answer; one that another tab is writing says so. */
function AnswerBox({ message, ways }) {
  const { words, route, chat } = useApp()
  const answer = chat.answerOf(message)
  const own = { ...ways, retry: () => chat.retry(message), to_pull: () => route.go("models", answer.model) }
  const isElsewhere = message.state === "streaming" && !answer.isRunning
  return html`<${Answer} key=${answer} answer=${answer} ways=${own} />
    ${isElsewhere && html`<p class="ending" data-part="elsewhere">${words.t("answered_elsewhere")}</p>`}`
}
