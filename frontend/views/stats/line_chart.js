import { html, useEffect, useRef, useState } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"
import { ChartTable } from "./chart_table.js"
import { path, timeTicks, valueTicks } from "./scale.js"

const HEIGHT = 180
const EDGE = { top: 8, right: 10, bottom: 24, left: 58 }
const SHORTEST_MS = 60_000
const TICK_PX = 84

/**
 * Lines over time. `series`: `[{key, label}]`, at most three, each drawn with its own dashes; `readings`: `[{at, [key]}]`, null
 * where nothing is known; `format(value)` writes a value, and `isWhole` says that there is none between 0 and 1. The pointer,
 * or the arrow keys, read a point out.
 */
export function LineChart({ title, hint, series, readings, format, isWhole = false }) {
  const { words } = useApp()
  const box = useRef()
  const width = useWidth(box)
  const [cursor, setCursor] = useState(null)
  const values = readings.filter((reading) => !reading.isGap)
  const shown = cursor === null ? values.at(-1) : nearest(values, cursor)
  const plot = plotOf(readings, series, width, isWhole)
  const time = clock(words, "medium")
  const readOut = (reading) => series.map(({ key, label }) => `${label} ${written(reading[key], format)}`).join(", ")
  const point = (event) => setCursor(plot.timeAt(event.clientX - box.current.getBoundingClientRect().left))
  return html`<figure class="chart">
    <figcaption class="chart-title"><span>${title}</span> <span class="chart-time">${cursor !== null && shown ? time(shown.at) : ""}</span></figcaption>
    ${hint && html`<p class="hint">${hint}</p>`}
    <ul class="chart-legend" aria-hidden="true">
      ${series.map(
        ({ key, label }, index) => html`<li key=${key} data-series=${key}>
        <svg class="chart-swatch" viewBox="0 0 28 8"><path class="chart-line" data-line=${index} d="M1 4h26" /></svg>
        <span>${label}</span> <b>${written(shown?.[key], format)}</b>
      </li>`,
      )}
    </ul>
    <div class="chart-plot" ref=${box} onPointerMove=${point} onPointerDown=${point} onPointerLeave=${() => setCursor(null)}>
      <svg viewBox=${`0 0 ${width} ${HEIGHT}`} role="img" aria-label=${sentence(words, title, values, readOut, time)}>
        <${Axes} plot=${plot} width=${width} format=${format} />
        ${series.map(({ key }, index) => html`<path key=${key} class="chart-line" data-line=${index} d=${path(readings.map((reading) => plot.place(reading, key)))} />`)}
        ${cursor !== null && shown && html`<path class="chart-cursor" d=${`M${plot.x(shown.at)} ${EDGE.top}V${HEIGHT - EDGE.bottom}`} />`}
      </svg>
      ${
        values.length > 0 &&
        html`<input type="range" class="chart-reader" min="0" max=${values.length - 1} step="1" value=${values.indexOf(shown)}
        aria-label=${words.t("chart_read", { title })} aria-valuetext=${`${time(shown.at)}: ${readOut(shown)}`}
        onFocus=${(event) => event.target.matches(":focus-visible") && setCursor(values.at(-1).at)} onBlur=${() => setCursor(null)}
        onInput=${(event) => setCursor(values[event.target.value].at)} />`
      }
      ${values.length === 0 && html`<p class="chart-empty">${words.t("chart_empty")}</p>`}
    </div>
    <${ChartTable} title=${title} head=${[words.t("time"), ...series.map(({ label }) => label)]}
      rows=${() => values.toReversed().map((reading) => [reading.at, time(reading.at), ...series.map(({ key }) => written(reading[key], format))])} />
  </figure>`
}

function Axes({ plot, width, format }) {
  const { words } = useApp()
  const time = clock(words, plot.to - plot.from > 5 * SHORTEST_MS ? "short" : "medium")
  return html`
    ${plot.valueTicks.map(
      (value) => html`<g key=${`v${value}`}>
      <path class="chart-grid" d=${`M${EDGE.left} ${plot.y(value)}H${width - EDGE.right}`} />
      <text class="chart-tick" x=${EDGE.left - 8} y=${plot.y(value) + 4} text-anchor="end">${format(value)}</text></g>`,
    )}
    ${plot.timeTicks.map((at) => html`<text class="chart-tick" key=${at} x=${plot.x(at)} y=${HEIGHT - 6} text-anchor="middle">${time(at)}</text>`)}`
}

/** Where times and values lie in the drawing. */
function plotOf(readings, series, width, isWhole) {
  const to = readings.at(-1)?.at ?? Date.now()
  const from = Math.min(readings[0]?.at ?? to, to - SHORTEST_MS)
  const most = Math.max(0, ...readings.flatMap((reading) => series.map(({ key }) => reading[key] ?? 0)))
  const ticks = valueTicks(most, isWhole)
  const [across, down] = [width - EDGE.left - EDGE.right, HEIGHT - EDGE.top - EDGE.bottom]
  const x = (at) => EDGE.left + ((at - from) / (to - from)) * across
  const y = (value) => EDGE.top + (1 - value / ticks.at(-1)) * down
  const margin = ((TICK_PX / 2 - EDGE.right) / across) * (to - from) // so that no label is cut off at the right
  return {
    from,
    to,
    x,
    y,
    valueTicks: ticks,
    timeTicks: timeTicks(from, to - Math.max(0, margin), Math.max(1, across / TICK_PX)),
    timeAt: (px) => from + ((px - EDGE.left) / across) * (to - from),
    place: (reading, key) =>
      reading[key] === null || reading[key] === undefined ? null : [x(reading.at), y(reading[key])],
  }
}

function sentence(words, title, values, readOut, time) {
  if (values.length === 0) return words.t("chart_sentence_empty", { title })
  return words.t("chart_sentence", {
    title,
    from: time(values[0].at),
    to: time(values.at(-1).at),
    values: readOut(values.at(-1)),
  })
}

function nearest(readings, at) {
  return readings.reduce(
    (best, reading) => (Math.abs(reading.at - at) < Math.abs(best.at - at) ? reading : best),
    readings[0],
  )
}

export function written(value, format) {
  return value === null || value === undefined ? "–" : format(value)
}

function clock(words, timeStyle) {
  const format = new Intl.DateTimeFormat(words.language, { timeStyle })
  return (at) => format.format(at)
}

function useWidth(box) {
  const [width, setWidth] = useState(480)
  useEffect(() => {
    const watch = new ResizeObserver(([{ contentRect }]) => setWidth(Math.max(200, Math.round(contentRect.width))))
    watch.observe(box.current)
    return () => watch.disconnect()
  }, [])
  return width
}
