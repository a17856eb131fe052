import { number } from "../../helpers/format.js"
import { html } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"
import { LETTERS } from "./column_card.js"

const WIDTH = 320
const ROW = 28
const LEFT = 22
const RIGHT = 14
const TICKS = 4

/** A dot for each run, a line of dots for each column, a bar at the middle run. The table above has the figures. */
export function DotPlot({ benchmark, figure, title }) {
  const { words } = useApp()
  const { columns } = benchmark
  const top = roundedUp(Math.max(0, ...columns.flatMap((column) => benchmark.values(column, figure))))
  if (top === 0) return null
  const bottom = ROW * columns.length
  const x = (value) => LEFT + (value / top) * (WIDTH - LEFT - RIGHT)
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => (top * index) / TICKS)
  return html`<figure class="benchmark-plot">
    <figcaption class="label">${title}</figcaption>
    <svg viewBox=${`0 0 ${WIDTH} ${bottom + 20}`} role="img" aria-label=${words.t("plot_label", { title })} data-plot=${figure}>
      ${ticks.map(
        (value) => html`<g key=${value}>
        <line class="grid" x1=${x(value)} x2=${x(value)} y1="2" y2=${bottom} />
        <text class="tick" x=${x(value)} y=${bottom + 14}>${number(words, value, top < 10 ? 2 : 0)}</text>
      </g>`,
      )}
      ${columns.map(
        (
          column,
          index,
        ) => html`<${Dots} key=${column.id} letter=${LETTERS[index]} values=${benchmark.values(column, figure)}
        middle=${benchmark.percentile(column, figure, 50)} x=${x} y=${ROW * (index + 0.5)} />`,
      )}
    </svg>
  </figure>`
}

function Dots({ letter, values, middle, x, y }) {
  return html`<g>
    <text class="row" x="2" y=${y + 4}>${letter}</text>
    ${values.map((value, index) => html`<circle class="dot-run" key=${index} cx=${x(value)} cy=${y} r="4" />`)}
    ${middle !== null && html`<line class="middle" x1=${x(middle)} x2=${x(middle)} y1=${y - 10} y2=${y + 10} />`}
  </g>`
}

/** The next number that reads well: 1, 2, 4 or 8 times a power of ten. */
function roundedUp(value) {
  if (value <= 0) return 0
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 4, 8, 10].map((step) => step * power).find((step) => step >= value)
}
