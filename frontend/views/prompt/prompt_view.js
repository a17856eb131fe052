import { html, useEffect, useLayoutEffect, useRef } from "../../helpers/interface.js"
import Follower from "../../helpers/follower.js"
import { Answer, AnswerState, usePhase } from "../shared/answer.js"
import { useApp, useChanges } from "../shared/context.js"
import { Icon } from "../shared/icons.js"
import { Notice } from "../shared/notice.js"
import { Composer } from "./composer.js"
import { Configuration } from "./configuration.js"

/** The course's page: configuration, prompts, and the answer beside them. */
export function PromptView() {
  const { prompt } = useApp()
  useChanges(prompt)
  const actions = useRef()
  return html`<div class="prompt-view">
    <${Configuration} />
    <${Composer} actions=${actions} />
    <${AnswerColumn} />
  </div>`
}

function AnswerColumn() {
  const { words, prompt } = useApp()
  const { generation, fault } = prompt
  const phase = usePhase(generation)
  const root = useRef()
  const body = useRef()
  useIntoSight(root, generation ?? fault)
  useFollower(body, generation)
  const ways = { retry: () => prompt.send(), to_prompt: () => document.getElementById("human").focus() }
  return html`<section class="card answer" id="answer" aria-labelledby="answer-title" data-phase=${phase ?? undefined} ref=${root}>
    <div class="answer-head">
      <h2 class="column-title" id="answer-title">${words.t("answer")}</h2>
      <${AnswerState} answer=${generation} />
    </div>
    <div class="answer-body" data-part="body" tabindex="0" role="group" aria-labelledby="answer-title" ref=${body}>
      <div>
        ${!generation && html`<div class="empty" data-part="empty">
          <svg viewBox="0 0 120 48" aria-hidden="true"><path d="M4 38h112M12 38C18 4 102 4 108 38M28 38V24M44 38V16M60 38V13M76 38V16M92 38V24" /></svg>
          <p>${words.t("empty_answer")}</p>
        </div>`}
        ${generation && html`<${Answer} answer=${generation} ways=${ways} key=${generation} />`}
        <${Notice} fault=${fault} ways=${ways} />
      </div>
    </div>
  </section>`
}

/** On a phone the answer is below the prompts: bring it up when there is something to see. */
function useIntoSight(root, something) {
  useEffect(() => {
    if (something && root.current.getBoundingClientRect().top > innerHeight * 0.7) root.current.scrollIntoView({ block: "start" })
  }, [something])
}

function useFollower(body, generation) {
  useLayoutEffect(() => {
    if (!generation?.isRunning) return undefined
    const scrollsAlone = getComputedStyle(body.current).overflowY === "auto"
    if (scrollsAlone) body.current.scrollTop = 0
    const follower = new Follower(scrollsAlone ? body.current : document.scrollingElement, body.current.firstElementChild)
    return () => follower.close()
  }, [generation])
}
