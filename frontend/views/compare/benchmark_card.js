import { download } from "../../helpers/download.js"
import { html } from "../../helpers/interface.js"
import { MOST, MOST_RUNS } from "../../state/compare/comparison.js"
import { useApp } from "../shared/context.js"
import { Icon } from "../shared/icons.js"
import { TypedInput } from "../shared/typed_input.js"
import { BenchmarkTable } from "./benchmark_table.js"
import { LETTERS } from "./column_card.js"
import { DotPlot } from "./dot_plot.js"

/** Several runs of every column: how many, how far, and what came out. */
export function BenchmarkCard() {
  const { words, comparison } = useApp()
  const { benchmark } = comparison
  return html`<section class="card compare-section" id="benchmark" aria-labelledby="benchmark-title">
    <h3 class="column-title" id="benchmark-title">${words.t("benchmark")}</h3>
    <p class="hint">${words.t("benchmark_hint")}</p>
    <${Plan} />
    ${benchmark && html`<${Progress} benchmark=${benchmark} />`}
    ${benchmark?.runs.length > 0 && html`<${Results} benchmark=${benchmark} />`}
  </section>`
}

function Plan() {
  const { words, comparison } = useApp()
  const { plan, isRunning, isMeasuring, benchmark } = comparison
  const submit = (event) => {
    event.preventDefault()
    if (isMeasuring) benchmark.stop()
    else comparison.measure()
  }
  return html`<form class="benchmark-plan" autocomplete="off" onSubmit=${submit}>
    <${Count} id="runs" label="runs" most=${MOST_RUNS} value=${plan.runs} isFixed=${isMeasuring} onSet=${(runs) => comparison.setPlan({ runs })} />
    <${Count} id="at-once" label="at_once" most=${MOST} value=${plan.atOnce} isFixed=${isMeasuring} onSet=${(atOnce) => comparison.setPlan({ atOnce })} />
    <label class="check"><input type="checkbox" id="warm-up" checked=${plan.hasWarmUp} disabled=${isMeasuring}
      onChange=${(event) => comparison.setPlan({ hasWarmUp: event.target.checked })} /><span>${words.t("warm_up")}</span></label>
    <button type="submit" id="measure" class=${isMeasuring ? "stop" : "primary"} disabled=${isRunning}>
      ${isMeasuring && html`<span class="square" aria-hidden="true"></span>`}<span>${words.t(isMeasuring ? "stop" : "measure")}</span></button>
  </form>`
}

function Count({ id, label, most, value, isFixed, onSet }) {
  const { words } = useApp()
  return html`<div class="field benchmark-count">
    <label for=${id}>${words.t(label)}</label>
    <${TypedInput} type="number" id=${id} min="1" max=${most} step="1" inputmode="numeric" value=${value} disabled=${isFixed} onCommit=${onSet} />
  </div>`
}

function Progress({ benchmark }) {
  const { words } = useApp()
  const { done, total, current, isStopped } = benchmark
  const letter = LETTERS[benchmark.columns.indexOf(current)]
  const key = current ? "benchmark_running" : isStopped ? "benchmark_stopped" : "benchmark_done"
  return html`<div class="benchmark-progress">
    <progress id="benchmark-progress" max=${total} value=${done} aria-label=${words.t("benchmark_progress")}></progress>
    <p class="hint" data-part="progress" role="status">${words.t(key, { done, total, letter })}</p>
  </div>`
}

function Results({ benchmark }) {
  const { words } = useApp()
  const save = () => {
    const csv = benchmark.csv((column) => LETTERS[benchmark.columns.indexOf(column)])
    download(
      `passerelle-benchmark-${new Date(benchmark.runs[0].createdAt).toISOString().slice(0, 16).replace(":", "")}Z.csv`,
      "text/csv;charset=utf-8",
      csv,
    )
  }
  return html`
    <${BenchmarkTable} benchmark=${benchmark} />
    <div class="benchmark-plots">
      <${DotPlot} benchmark=${benchmark} figure="ttft" title=${words.t("plot_ttft")} />
      <${DotPlot} benchmark=${benchmark} figure="tokensPerSecond" title=${words.t("plot_speed")} />
    </div>
    <div class="compare-actions">
      <button type="button" class="quiet" id="export-csv" onClick=${save}><${Icon} name="download" />${words.t("export_csv")}</button>
      <p class="hint">${words.t("export_csv_hint")}</p>
    </div>`
}
