import { FAULTS } from "../../fault.js"
import { duration, number } from "../../helpers/format.js"
import { html } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"
import { LETTERS } from "./column_card.js"

/** What the runs of each column had in common, so far. */
export function BenchmarkTable({ benchmark }) {
  const { words, settings, catalog } = useApp()
  const { columns } = benchmark
  const row = (key, label, cell) => html`<tr key=${key} data-row=${key}>
    <th scope="row">${label}</th>
    ${columns.map((column) => html`<td key=${column.id}>${cell(column) ?? "–"}</td>`)}
  </tr>`
  const share = (figure, rank, write) => (column) => {
    const value = benchmark.percentile(column, figure, rank)
    return value === null ? null : write(value, benchmark.isEstimated(column) ? "≈ " : "")
  }
  const time = (value) => duration(words, value)
  const speed = (value, about) => about + number(words, value, 1)
  const tokens = (value, about) => about + number(words, value)
  return html`<div class="compare-table" tabindex="0" role="group" aria-labelledby="benchmark-title">
    <table id="benchmark-table">
      <thead><tr><td></td>${columns.map((column, index) => html`<th scope="col" key=${column.id}>${words.t("column", { letter: LETTERS[index] })}</th>`)}</tr></thead>
      <tbody>
        ${row("model", words.t("figure_model"), ({ model }) => catalog.find(model)?.name || model)}
        ${row("runs", words.t("runs_done"), (column) => number(words, benchmark.of(column).length))}
        ${row("ttft-50", `${words.t("figure_ttft")} p50`, share("ttft", 50, time))}
        ${row("ttft-95", `${words.t("figure_ttft")} p95`, share("ttft", 95, time))}
        ${row("speed-50", `${words.t("figure_speed")} p50`, share("tokensPerSecond", 50, speed))}
        ${row("speed-95", `${words.t("figure_speed")} p95`, share("tokensPerSecond", 95, speed))}
        ${row("output-50", `${words.t("figure_output")} p50`, share("output", 50, tokens))}
        ${row("failures", words.t("failures"), (column) => failures(words, settings, benchmark.failures(column)))}
      </tbody>
    </table>
  </div>
  <p class="hint">${words.t("percentile_hint")}</p>`
}

function failures(words, { host }, list) {
  if (list.length === 0) return words.t("failures_none")
  return html`<ul class="benchmark-failures">${list.map(([kind, times]) => html`<li key=${kind} data-kind=${kind}>${number(words, times)} × ${words.t(FAULTS[kind].text, { host })}</li>`)}</ul>`
}
