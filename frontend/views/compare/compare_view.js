import { html, useEffect } from "../../helpers/interface.js"
import { onEnter } from "../../helpers/keys.js"
import { useApp, useChanges } from "../shared/context.js"
import { BenchmarkCard } from "./benchmark_card.js"
import { ColumnCard } from "./column_card.js"
import { ComparisonForm } from "./comparison_form.js"
import { Summary } from "./summary.js"

/** One prompt, several columns of models or settings, and what can be said of them in figures. */
export function CompareView() {
  const { words, comparison } = useApp()
  useChanges(comparison)
  useKeys(comparison)
  return html`<div class="compare-view">
    <${ComparisonForm} />
    <div class="compare-columns" id="columns" role="group" aria-label=${words.t("columns")} data-count=${comparison.columns.length}>
      ${comparison.columns.map((column, index) => html`<${ColumnCard} key=${column.id} column=${column} index=${index} />`)}
    </div>
    <${Summary} />
    <${BenchmarkCard} />
  </div>`
}

function useKeys(comparison) {
  useEffect(() => {
    const listen = (event) => {
      if (event.key !== "Escape") return onEnter(event, () => comparison.run(), { withModifier: true })
      comparison.stop()
      comparison.benchmark?.stop()
    }
    document.addEventListener("keydown", listen)
    return () => document.removeEventListener("keydown", listen)
  }, [comparison])
}
