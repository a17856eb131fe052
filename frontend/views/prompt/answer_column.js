import Follower from "../../helpers/follower.js"
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../helpers/interface.js"
import { Answer, AnswerState, usePhase } from "../shared/answer.js"
import { useApp } from "../shared/context.js"
import { CopyButton } from "../shared/copy_button.js"
import { Icon } from "../shared/icons.js"
import { Notice } from "../shared/notice.js"

/** The answer beside the prompts: where it is, what it says, what went wrong. */
export function AnswerColumn() {
  const { words, route, prompt } = useApp()
  const { generation, fault } = prompt
  const hasText = generation && !generation.isRunning && generation.text
  const phase = usePhase(generation)
  const root = useRef()
  const body = useRef()
  useIntoSight(root, generation ?? fault)
  const toEnd = useFollower(body, generation)
  const ways = {
    retry: () => prompt.send(),
    to_prompt: () => document.getElementById("human").focus(),
    to_question: () => document.getElementById("human").focus(),
    to_pull: generation?.model && (() => route.go("models", generation.model)),
  }
  return html`<section class="card answer" id="answer" aria-labelledby="answer-title" data-phase=${phase ?? undefined} ref=${root}>
    <div class="answer-head">
      <h2 class="column-title" id="answer-title">${words.t("answer")}</h2>
      <${AnswerState} answer=${generation} />
      ${hasText && html`<div class="answer-tools"><${ContinueButton} /><${CopyButton} text=${() => generation.text} /></div>`}
    </div>
    <div class="answer-body" data-part="body" tabindex="0" role="group" aria-labelledby="answer-title" ref=${body}>
      <div class="answer-content">
        ${!generation && !fault && html`<${Empty} />`}
        ${generation && html`<${Answer} answer=${generation} ways=${ways} key=${generation} />`}
        <${Notice} fault=${fault} ways=${ways} />
      </div>
      ${toEnd && html`<button type="button" class="to-end" data-do="to-end" onClick=${toEnd}><${Icon} name="down" /><span>${words.t("to_end")}</span></button>`}
    </div>
  </section>`
}

/** Hands question and answer over to the chat. */
function ContinueButton() {
  const app = useApp()
  const { words, route, prompt } = app
  const [isBusy, setBusy] = useState(false)
  const go = async () => {
    setBusy(true)
    await app.open()
    route.go("chat", await prompt.continueIn(app.conversations))
  }
  return html`<button type="button" class="ghost" data-do="continue" disabled=${isBusy} onClick=${go}>
    <${Icon} name="chat" /><span>${words.t("continue_in_chat")}</span></button>`
}

function Empty() {
  const { words } = useApp()
  return html`<div class="empty" data-part="empty">
    <svg viewBox="0 0 120 48" aria-hidden="true"><path d="M4 38h112M12 38C18 4 102 4 108 38M28 38V24M44 38V16M60 38V13M76 38V16M92 38V24" /></svg>
    <p>${words.t("empty_answer")}</p>
  </div>`
}

/** On a phone the answer is below the prompts: bring it up when there is something new to see. */
function useIntoSight(root, something) {
  const seen = useRef(something)
  useEffect(() => {
    const isNew = something && something !== seen.current
    seen.current = something
    if (isNew && root.current.getBoundingClientRect().top > innerHeight * 0.7)
      root.current.scrollIntoView({ block: "start" })
  }, [something])
}

/** Gives a function that leads back to the end of a growing answer, or null while the reader is there. */
function useFollower(body, generation) {
  const [leave, setLeave] = useState(null)
  useLayoutEffect(() => {
    setLeave(null)
    if (!generation?.isRunning) return undefined
    const scrollsAlone = getComputedStyle(body.current).overflowY === "auto"
    if (scrollsAlone) body.current.scrollTop = 0
    const follower = new Follower(
      scrollsAlone ? body.current : document.scrollingElement,
      body.current.firstElementChild,
    )
    follower.addEventListener("change", () => setLeave(follower.isFollowing ? null : () => () => follower.toEnd()))
    return () => follower.close()
  }, [generation])
  return generation?.isRunning ? leave : null
}
