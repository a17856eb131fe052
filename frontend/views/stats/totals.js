import { number, size, span } from "../../helpers/format.js"
import { html } from "../../helpers/interface.js"
import { count, errorsOf } from "../../state/stats/history.js"
import { useApp } from "../shared/context.js"

const MOST_MODELS = 20

/** The counters since the gateway was started, and the memory that it and its models take. */
export function Totals({ latest }) {
  const { words } = useApp()
  if (!latest) return null
  return html`<dl class="facts" data-part="totals">
    ${rows(words, latest).map(([key, title, value]) => html`<div key=${key} data-total=${key}><dt>${title}</dt><dd>${value}</dd></div>`)}
    ${models(latest).map(({ id, bytes }) => html`<div key=${`model ${id}`} data-memory=${id}><dt><bdi>${id}</bdi></dt><dd>${size(words, bytes)}</dd></div>`)}
  </dl>`
}

function rows(words, { uptime_s: uptime, totals = {}, memory }) {
  const write = (value) => number(words, count(value))
  return [
    ["uptime", words.t("total_uptime"), span(words, count(uptime))],
    ["requests", words.t("total_requests"), write(totals.requests)],
    ["output", words.t("total_output"), write(totals.output_tokens)],
    ["input", words.t("total_input"), write(totals.input_tokens)],
    ["errors", words.t("total_errors"), write(errorsOf(totals))],
    ["aborted", words.t("total_aborted"), write(totals.aborted)],
    ["memory", words.t("total_memory"), memory?.gateway_bytes ? size(words, count(memory.gateway_bytes)) : null],
  ].filter(([, , value]) => value !== null)
}

function models({ memory }) {
  const told = Array.isArray(memory?.models) ? memory.models : []
  return told.filter(({ bytes }) => count(bytes)).slice(0, MOST_MODELS)
}
