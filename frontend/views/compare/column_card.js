import Follower from "../../helpers/follower.js"
import { number } from "../../helpers/format.js"
import { html, useLayoutEffect, useRef } from "../../helpers/interface.js"
import { FEWEST, MOST } from "../../state/compare/comparison.js"
import { Answer, AnswerState, usePhase } from "../shared/answer.js"
import { useApp } from "../shared/context.js"
import { CopyButton } from "../shared/copy_button.js"
import { IconButton } from "../shared/icons.js"
import { ModelChoice } from "../shared/model_choice.js"
import { ParametersForm } from "../shared/parameters_form.js"

export const LETTERS = "ABCD"
const BEST = { ttft: "ttft", speed: "tokensPerSecond" } // what Figures shows, by Generation's names

/** One column: its model and parameters, its answer, its own Stop. */
export function ColumnCard({ column, index }) {
  const { words, comparison, catalog } = useApp()
  const phase = usePhase(column.generation)
  const letter = LETTERS[index]
  const model = catalog.find(column.model)
  const { length } = comparison.columns
  return html`<section class="card answer compare-column" id=${column.id} data-column=${letter} data-phase=${phase ?? (column.isQueued ? "queued" : undefined)}
    aria-labelledby=${`${column.id}-title`}>
    <div class="answer-head">
      <h3 class="column-title" id=${`${column.id}-title`}>${words.t("column", { letter })}</h3>
      ${column.isQueued ? html`<p class="state" role="status">${words.t("state_queued")}</p>` : html`<${AnswerState} answer=${column.generation} />`}
      <div class="column-tools">
        <${IconButton} icon="copy" label=${words.t("duplicate_column", { letter })} data-do="duplicate" disabled=${length >= MOST} onClick=${() => comparison.add(column)} />
        <${IconButton} icon="close" label=${words.t("remove_column", { letter })} data-do="remove" disabled=${length <= FEWEST} onClick=${() => remove(comparison, column)} />
      </div>
    </div>
    <div class="column-settings">
      <${ModelChoice} id=${`${column.id}-model`} value=${column.model} onChoose=${(id) => comparison.change(column, { model: id })} />
      <details class="column-parameters">
        <summary>${words.t("parameters")}<span class="summary-model" data-part="parameters">${told(words, column.parameters)}</span></summary>
        <div class="fields"><${ParametersForm} id=${`${column.id}-`} value=${column.parameters} model=${model} onChange=${(parameters) => comparison.change(column, { parameters })} /></div>
      </details>
    </div>
    <${ColumnAnswer} column=${column} letter=${letter} />
    <${ColumnFoot} column=${column} />
  </section>`
}

/** The focus would go with the button; it goes to the one that brings a column back. */
function remove(comparison, column) {
  comparison.remove(column)
  document.getElementById("add-column").focus()
}

function ColumnAnswer({ column, letter }) {
  const { words, route, comparison } = useApp()
  const body = useRef()
  const { generation } = column
  useLayoutEffect(() => {
    if (!generation?.isRunning) return undefined
    const follower = new Follower(body.current, body.current.firstElementChild)
    return () => follower.close()
  }, [generation])
  const ways = {
    to_model: () => document.getElementById(`${column.id}-model`).focus(),
    to_pull: () => route.go("models", column.model),
    to_prompt: () => document.getElementById("compare-human").focus(),
    retry: comparison.isRunning || comparison.isMeasuring ? null : () => comparison.run([column]),
  }
  const best = Object.keys(BEST).filter((key) => comparison.isBest(column, BEST[key]))
  return html`<div class="answer-body" tabindex="0" role="group" aria-label=${words.t("answer_of", { letter })} ref=${body}>
    <div class="answer-content">
      ${!generation && !column.isQueued && html`<p class="hint">${words.t("compare_empty")}</p>`}
      ${generation && html`<${Answer} answer=${generation} ways=${ways} best=${best} key=${generation} />`}
    </div>
  </div>`
}

function ColumnFoot({ column }) {
  const { words, comparison } = useApp()
  const isEnded = column.generation && !column.isRunning
  if (!column.isRunning && !(isEnded && column.generation.text)) return null
  return html`<div class="column-foot">
    ${column.isRunning && html`<button type="button" class="quiet" data-do="stop" onClick=${() => comparison.stopColumn(column)}><span class="square" aria-hidden="true"></span>${words.t("stop")}</button>`}
    ${isEnded && html`<${CopyButton} text=${() => column.generation.text} key=${column.generation} />`}
  </div>`
}

/** The parameters that were set, in few words. */
function told(words, { temperature, topP, maxTokens, seed }) {
  const known = [
    ["temperature", temperature],
    ["top_p", topP],
    ["max_tokens", maxTokens],
    ["seed", seed],
  ].filter(([, value]) => value !== undefined)
  return known.map(([key, value]) => `${words.t(key)} ${number(words, value, 2)}`).join(" · ") || words.t("as_model")
}
