import { duration, number } from "../../helpers/format.js"
import { html } from "../../helpers/interface.js"
import { STATES } from "../shared/answer.js"
import { useApp } from "../shared/context.js"
import { LETTERS } from "./column_card.js"

/** The figures of all columns in one table, the best of each row marked. Nothing before the first answer. */
export function Summary() {
  const { words, comparison, catalog } = useApp()
  const { columns } = comparison
  const ended = columns.map(({ generation }) => (generation && !generation.isRunning ? generation : null))
  if (!ended.some(Boolean)) return null
  const row = (key, cell, figure) => html`<tr key=${key} data-row=${key}>
    <th scope="row">${words.t(key)}</th>
    ${ended.map((answer, index) => html`<td key=${index}>${(answer && cell(answer)) ?? "–"}${comparison.isBest(columns[index], figure) && html` <${Best} />`}</td>`)}
  </tr>`
  const tokens = (name) => (answer) => answer.usage && about(answer, number(words, answer.usage[name]))
  return html`<section class="card compare-section" id="summary" aria-labelledby="summary-title">
    <h3 class="column-title" id="summary-title">${words.t("summary")}</h3>
    <div class="compare-table" tabindex="0" role="group" aria-labelledby="summary-title">
      <table>
        <thead><tr><td></td>${columns.map((column, index) => html`<th scope="col" key=${column.id}>${words.t("column", { letter: LETTERS[index] })}</th>`)}</tr></thead>
        <tbody>
          ${row("figure_model", ({ request }) => catalog.find(request.model)?.name || request.model)}
          ${row("figure_ttft", ({ ttft }) => (ttft === null ? null : duration(words, ttft)), "ttft")}
          ${row("figure_speed", (answer) => (answer.tokensPerSecond === null ? null : about(answer, number(words, answer.tokensPerSecond, 1))), "tokensPerSecond")}
          ${row("figure_input", tokens("input_tokens"))}
          ${row("figure_output", tokens("output_tokens"))}
          ${row("figure_elapsed", ({ elapsedMs }) => duration(words, elapsedMs), "elapsedMs")}
          ${row("figure_finish", ({ finishReason, phase }) => finishReason ?? words.t(STATES[phase]))}
        </tbody>
      </table>
    </div>
    <p class="hint" data-part="order">${words.t(comparison.wasSequential ? "summary_one" : "summary_all")}</p>
  </section>`
}

function about({ isEstimated }, text) {
  return isEstimated ? `≈ ${text}` : text
}

/** A mark that needs no colour. */
export function Best() {
  const { words } = useApp()
  return html`<span class="badge best">${words.t("best")}</span>`
}
