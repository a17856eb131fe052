import { duration, number, wordCount } from "../../helpers/format.js"
import { html, useEffect, useState } from "../../helpers/interface.js"
import { AnswerText } from "./answer_text.js"
import { useApp } from "./context.js"
import { Figures } from "./figures.js"
import { Notice } from "./notice.js"
import { Thought } from "./thought.js"
import { Waiting } from "./waiting.js"

export const STATES = {
  waiting: "state_waiting",
  thinking: "state_thinking",
  writing: "state_writing",
  done: "state_done",
  length: "state_length",
  stopped: "state_stopped",
  cut: "state_cut",
  failed: "state_failed",
}

/** The phase of an answer (a Generation or its record); the component is drawn anew when the phase changes. */
export function usePhase(answer) {
  const [phase, setPhase] = useState(answer?.phase)
  useEffect(() => {
    const look = () => setPhase(answer?.phase)
    look()
    answer?.addEventListener?.("change", look)
    return () => answer?.removeEventListener?.("change", look)
  }, [answer])
  return answer ? (phase ?? answer.phase) : null
}

/** One word for where an answer is: waiting, writing, complete, cut … */
export function AnswerState({ answer }) {
  const { words } = useApp()
  const phase = usePhase(answer)
  return html`<p class="state" data-part="state" data-phase=${phase} role="status">${phase && words.t(STATES[phase])}</p>`
}

/** An answer on its way or ended: what it says, how it ended, what went wrong, its figures. `ways`: see Notice; `best`: see Figures. */
export function Answer({ answer, ways, best }) {
  const phase = usePhase(answer)
  const isEnded = !answer.isRunning
  const waiting = !isEnded && phase === "waiting" && html`<${Waiting} answer=${answer} />`
  return html`
    ${!answer.text && waiting}
    <${Thought} answer=${answer} />
    <${AnswerText} answer=${answer} key=${answer} />
    ${answer.text && waiting}
    ${isEnded && html`<${Ending} answer=${answer} />`}
    ${isEnded && html`<div data-part="notice"><${Notice} fault=${answer.fault} values=${{ host: answer.host }} ways=${ways} /></div>`}
    ${isEnded && phase !== "failed" && html`<${Figures} answer=${answer} best=${best} />`}`
}

function Ending({ answer }) {
  const { words } = useApp()
  const sentence = ending(words, answer)
  return sentence && html`<p class="ending" data-part="ending">${sentence}</p>`
}

function ending(words, { phase, text, thought, elapsedMs, maxTokens }) {
  const hasContent = Boolean(text || thought)
  const seconds = phase === "stopped" ? duration(words, elapsedMs) : ""
  if (phase === "stopped" && !hasContent) return words.t("ending_stopped_early", { seconds })
  if (phase === "stopped") return words.t("ending_stopped", { seconds, words: number(words, wordCount(text)) })
  if (phase === "length" && maxTokens) return words.t("ending_length", { n: number(words, maxTokens) })
  if (phase === "length") return words.t("ending_length_model")
  if (phase === "cut") return words.t("ending_cut")
  return phase === "done" && !text.trim() ? words.t("ending_empty") : ""
}
