import { html } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"
import { ChartTable } from "./chart_table.js"

const MOST_BARS = 12

/** A bar for each of `bars`: `[{key, label, value}]`; `table`: `{head, rows}`, which may tell more of them. `empty`: what to say without any. */
export function BarChart({ title, hint, bars, empty, table, format }) {
  const { words } = useApp()
  const sorted = bars.toSorted((a, b) => b.value - a.value).slice(0, MOST_BARS)
  const most = Math.max(1, ...sorted.map(({ value }) => value))
  const values = sorted.map(({ label, value }) => `${label} ${format(value)}`).join(", ")
  return html`<figure class="chart">
    <figcaption class="chart-title">${title}</figcaption>
    ${hint && html`<p class="hint">${hint}</p>`}
    ${bars.length === 0 && html`<p class="hint" data-part="empty">${empty}</p>`}
    ${
      bars.length > 0 &&
      html`<div class="bars" role="img" aria-label=${words.t("bars_sentence", { title, values })}>
      ${sorted.map(
        ({ key, label, value }) => html`<div class="bar-row" key=${key} data-bar=${key}>
        <span class="bar-label"><bdi>${label}</bdi></span>
        <svg class="bar-line"><rect width=${`${(value / most) * 100}%`} height="100%" rx="3" /></svg>
        <span class="bar-value">${format(value)}</span>
      </div>`,
      )}
    </div>`
    }
    <${ChartTable} title=${title} head=${table.head} rows=${() => table.rows} />
  </figure>`
}
