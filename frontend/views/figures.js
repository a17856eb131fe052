import { element } from "../helpers/dom.js"
import { backendName, duration, number } from "../helpers/format.js"

/** Fills a definition list with what is known of an ended answer; what is not known is not shown. */
export function drawFigures(list, words, generation, fallbackBackend) {
  const rows = figures(words, generation, fallbackBackend).filter(([, value]) => value !== null)
  list.replaceChildren(...rows.map(([name, value, key]) => {
    const row = element("div", {}, element("dt", {}, name), element("dd", {}, value))
    row.dataset.figure = key
    if (key === "model" && generation.isDemo) row.lastChild.append(" ", element("span", { className: "badge demo" }, words.t("demo")))
    return row
  }))
  list.title = generation.figures?.estimated ? words.t("figure_estimated") : ""
  list.hidden = rows.length === 0
}

function figures(words, generation, fallbackBackend) {
  const { usage, figures: measured } = generation
  const about = measured?.estimated ? "≈ " : ""
  const backend = measured?.backend ?? (generation.host === null ? fallbackBackend : null)
  const speed = generation.tokensPerSecond
  return [
    [words.t("figure_speed"), speed === null ? null : about + number(words, speed, 1), "speed"],
    [words.t("figure_ttft"), generation.ttft === null ? null : duration(words, generation.ttft), "ttft"],
    [words.t("figure_input"), usage ? about + number(words, usage.input_tokens) : null, "input"],
    [words.t("figure_output"), usage ? about + number(words, usage.output_tokens) : null, "output"],
    [words.t("figure_model"), generation.model || null, "model"],
    [words.t("figure_backend"), backend ? backendName(words, backend) : generation.host, "backend"],
    [words.t("figure_finish"), finish(words, generation), "finish"],
  ]
}

function finish(words, { finishReason, phase }) {
  if (finishReason) return finishReason
  return phase === "cut" ? words.t("finish_none") : null
}
