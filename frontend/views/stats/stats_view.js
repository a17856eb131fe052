import Fault, { FAULTS } from "../../fault.js"
import { duration, number } from "../../helpers/format.js"
import { html, useEffect } from "../../helpers/interface.js"
import { count, errorsOf, known } from "../../state/stats/history.js"
import { useApp, useChanges } from "../shared/context.js"
import { Icon } from "../shared/icons.js"
import { Notice } from "../shared/notice.js"
import { BarChart } from "./bar_chart.js"
import { LineChart, written } from "./line_chart.js"
import { Totals } from "./totals.js"

/** How the gateway is doing: its own counters, as lines that go on while one looks. */
export function StatsView() {
  const { words, settings, history } = useApp()
  useChanges(words, settings, history)
  const isOwn = settings.isOwnGateway
  useWatching(history, isOwn)
  if (!isOwn)
    return html`<div class="stats-view"><p class="card stats-direct" data-part="direct">${words.t("stats_direct", { host: settings.host })}</p></div>`
  return html`<div class="stats-view">
    <section class="card stats-head" aria-labelledby="stats-title">
      <div class="models-head">
        <h2 class="column-title" id="stats-title">${words.t("stats")}</h2>
        <${Pause} />
      </div>
      <${State} />
      <${Totals} latest=${history.latest} />
    </section>
    <${Charts} />
  </div>`
}

/** Readings are taken while the view is on a screen that somebody may see. */
function useWatching(history, isOwn) {
  const { catalog } = useApp()
  useEffect(() => {
    if (!isOwn) return undefined
    const look = () => (document.hidden ? history.stop() : history.start())
    look()
    document.addEventListener("visibilitychange", look)
    return () => {
      document.removeEventListener("visibilitychange", look)
      history.stop()
    }
  }, [history, isOwn])
  const isGone = history.fault !== null
  useEffect(() => {
    if (isOwn) catalog.refresh()
  }, [isOwn, isGone])
}

function Pause() {
  const { words, history } = useApp()
  const { isPaused } = history
  return html`<button type="button" class="chip pause" id="pause" aria-pressed=${String(isPaused)} onClick=${() => (isPaused ? history.resume() : history.pause())}>
    <${Icon} name=${isPaused ? "play" : "pause"} /><span>${words.t("stats_pause")}</span></button>`
}

function State() {
  const { words, history } = useApp()
  const { fault, isPaused } = history
  const isGone = fault?.kind === "gateway_down"
  return html`
    <p class="stats-state" role="status" data-part="state" data-mood=${isGone ? "bad" : undefined}>${isPaused ? words.t("stats_paused") : isGone ? words.t("stats_gone") : ""}</p>
    <${Notice} fault=${isGone ? null : fault} />`
}

function Charts() {
  const { words, history } = useApp()
  const { readings } = history
  const totals = history.latest?.totals ?? {}
  const fine = (value) => number(words, value, value < 1 ? 2 : value < 100 ? 1 : 0)
  const time = (value) => (value === 0 ? number(words, 0) : duration(words, Math.round(value)))
  const card = (name, chart) => html`<section class="card chart-card" data-chart=${name}>${chart}</section>`
  return html`
    ${card(
      "speed",
      html`<${LineChart} title=${words.t("chart_speed")} hint=${words.t("chart_speed_hint")} readings=${readings} format=${fine}
      series=${[
        ["tokensPerSecond", "series_together"],
        ["speed50", "series_answer_p50"],
        ["speed95", "series_answer_p95"],
      ].map(([key, label]) => ({ key, label: words.t(label) }))} />`,
    )}
    ${card(
      "ttft",
      html`<${LineChart} title=${words.t("chart_ttft")} hint=${words.t("chart_ttft_hint")} readings=${readings} format=${time}
      series=${[
        ["ttft50", "p50"],
        ["ttft95", "p95"],
        ["ttft99", "p99"],
      ].map(([key, label]) => ({ key, label }))} />`,
    )}
    ${card(
      "in-flight",
      html`<${LineChart} title=${words.t("chart_in_flight")} readings=${readings} format=${fine} isWhole
      series=${[{ key: "inFlight", label: words.t("series_in_flight") }]} />`,
    )}
    ${card(
      "requests",
      html`<${LineChart} title=${words.t("chart_requests")} hint=${words.t("chart_requests_hint")} readings=${readings} format=${fine}
      series=${[{ key: "requestsPerMinute", label: words.t("series_requests") }]} />`,
    )}
    ${card("errors", html`<${Errors} errors=${totals.errors ?? {}} />`)}
    ${card("models", html`<${Models} models=${history.latest?.models ?? {}} format=${fine} time=${time} />`)}`
}

function Errors({ errors }) {
  const { words } = useApp()
  const bars = Object.entries(errors).map(([code, n]) => ({ key: code, label: code, value: count(n) }))
  const write = (value) => number(words, value)
  const rows = bars.map(({ key, value }) => [key, key, write(value), meaning(words, key)])
  return html`<${BarChart} title=${words.t("chart_errors")} bars=${bars} empty=${words.t("errors_none")} format=${write}
    table=${{ head: [words.t("error_code"), words.t("error_count"), words.t("error_meaning")], rows }} />`
}

/** What the page says of such a failure, where it has a sentence of its own. */
function meaning(words, code) {
  const { kind } = Fault.ofAnswer(0, { error: { code } })
  return kind === "unknown" ? "–" : words.t(FAULTS[kind].text)
}

function Models({ models, format, time }) {
  const { words } = useApp()
  const entries = Object.entries(models)
  const bars = entries.map(([name, tally]) => ({ key: name, label: name, value: count(tally.output_tokens) }))
  const write = (value) => number(words, count(value))
  const rows = entries.map(([name, tally]) => [
    name,
    name,
    write(tally.requests),
    write(tally.in_flight),
    write(errorsOf(tally)),
    write(tally.input_tokens),
    write(tally.output_tokens),
    written(known(tally.ttft_ms?.p50), time),
    written(known(tally.tokens_per_second?.p50), format),
  ])
  const head = [
    "model",
    "total_requests",
    "series_in_flight",
    "total_errors",
    "total_input",
    "total_output",
    "model_ttft",
    "model_speed",
  ]
  return html`<${BarChart} title=${words.t("chart_models")} hint=${words.t("chart_models_hint")} bars=${bars} empty=${words.t("models_none_asked")} format=${write}
    table=${{ head: head.map((key) => words.t(key)), rows }} />`
}
