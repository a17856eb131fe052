import { backendName, duration, number } from "../../helpers/format.js"
import { html } from "../../helpers/interface.js"
import { useApp } from "./context.js"

/**
 * What is known of an ended answer (a Generation or its record), as a definition list; what is not known is not shown.
 * `best`: the names of those to mark as the best among several answers.
 */
export function Figures({ answer, best = [] }) {
  const { words } = useApp()
  const rows = figures(words, answer).filter(([, value]) => value !== null && value !== undefined)
  if (rows.length === 0) return null
  return html`<dl class="figures" data-part="figures" title=${answer.isEstimated ? words.t("figure_estimated") : ""}>
    ${rows.map(
      ([key, value]) => html`<div key=${key} data-figure=${key}>
      <dt>${words.t(`figure_${key}`)}</dt>
      <dd>${value}${key === "model" && answer.isDemo && html` <span class="badge demo">${words.t("demo")}</span>`}${best.includes(key) && html` <span class="badge best">${words.t("best")}</span>`}</dd>
    </div>`,
    )}
  </dl>`
}

function figures(words, answer) {
  const { usage, tokensPerSecond: speed, ttft } = answer
  const about = answer.isEstimated ? "≈ " : ""
  return [
    ["speed", speed === null ? null : about + number(words, speed, 1)],
    ["ttft", ttft === null ? null : duration(words, ttft)],
    ["input", usage ? about + number(words, usage.input_tokens) : null],
    ["output", usage ? about + number(words, usage.output_tokens) : null],
    ["model", answer.model || null],
    ["backend", answer.backend ? backendName(words, answer.backend) : answer.host],
    ["finish", answer.finishReason ?? (answer.phase === "cut" ? words.t("finish_none") : null)],
  ]
}
