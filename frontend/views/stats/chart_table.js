import { html, useState } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"

/** A chart's values as a table, made when it is asked for. `rows()`: `[[key, heading, …cells]]`. */
export function ChartTable({ title, head, rows }) {
  const { words } = useApp()
  const [isOpen, setOpen] = useState(false)
  return html`<details class="chart-table" onToggle=${(event) => setOpen(event.target.open)}>
    <summary>${words.t("as_table")}</summary>
    ${
      isOpen &&
      html`<div class="chart-box" tabindex="0" role="group" aria-label=${title}>
      <table>
        <thead><tr>${head.map((cell) => html`<th scope="col" key=${cell}>${cell}</th>`)}</tr></thead>
        <tbody>${rows().map(([key, heading, ...cells]) => html`<tr key=${key}><th scope="row"><bdi>${heading}</bdi></th>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`)}</tbody>
      </table>
    </div>`
    }
  </details>`
}
