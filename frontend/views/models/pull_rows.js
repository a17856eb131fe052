import { number, size, span } from "../../helpers/format.js"
import { html } from "../../helpers/interface.js"
import { address } from "../../state/page/route.js"
import { useApp, useChanges } from "../shared/context.js"
import { IconButton } from "../shared/icons.js"
import { Notice } from "../shared/notice.js"

const PHASES = {
  queued: "pull_queued",
  starting: "pull_starting",
  downloading: "pull_downloading",
  verifying: "pull_verifying",
  done: "pull_done",
  stopped: "pull_stopped",
  cut: "pull_is_cut",
  failed: "pull_is_failed",
}

/** The downloads that run or have ended, a box each. */
export function PullRows() {
  const { words, pulls } = useApp()
  useChanges(pulls)
  return (
    pulls.list.length > 0 &&
    html`<ul class="pulls" aria-label=${words.t("pulls")} data-part="pulls">
    ${pulls.list.map((pull) => html`<li key=${pull}><${PullRow} pull=${pull} /></li>`)}
  </ul>`
  )
}

function PullRow({ pull }) {
  const { words, pulls } = useApp()
  useChanges(pull)
  return html`<div class="pull" data-pull=${pull.name} data-phase=${pull.phase}>
    <div class="pull-head">
      <p class="pull-name" title=${pull.name}><bdi>${pull.name}</bdi></p>
      <p class="pull-phase" role="status" data-part="phase">${words.t(PHASES[pull.phase])}</p>
      ${pull.isEnded && html`<${IconButton} icon="close" label=${words.t("pull_dismiss", { name: pull.name })} onClick=${() => pulls.dismiss(pull)} />`}
    </div>
    ${(pull.isRunning || pull.fraction !== null) && html`<progress max="1" value=${pull.fraction ?? undefined} aria-label=${words.t("pull_progress", { name: pull.name })} />`}
    <p class="hint" data-part="figures">${figures(words, pull)}</p>
    <${Notice} fault=${pull.fault} />
    <${Ways} pull=${pull} />
  </div>`
}

function Ways({ pull }) {
  const { words, catalog, management, pulls } = useApp()
  useChanges(management)
  const canGoOn = management.can("pull") && !["pull_unknown", "pull_refused"].includes(pull.fault?.kind)
  const backend = catalog.health?.backend?.name
  if (pull.phase === "done")
    return (
      pull.model &&
      html`<div class="ways"><a class="link-button" href=${address("models", pull.model)}>${words.t("pull_show")}</a></div>`
    )
  if (!pull.isEnded)
    return html`<div class="ways"><button type="button" data-way="stop" onClick=${() => pull.stop()}>${words.t("stop")}</button></div>`
  return html`
    ${pull.phase === "stopped" && html`<p class="hint">${words.t(backend === "lmstudio" ? "pull_stopped_lmstudio" : "pull_stopped_hint")}</p>`}
    ${canGoOn && html`<div class="ways"><button type="button" data-way="go-on" onClick=${() => pulls.start(pull.name)}>${words.t("pull_go_on")}</button></div>`}`
}

function figures(words, pull) {
  const { completed, total, rate, secondsLeft: left, fraction, isRunning } = pull
  const share = fraction === null ? null : words.t("percent", { n: number(words, Math.floor(fraction * 100)) })
  const sizes = total ? words.t("size_of", { n: size(words, completed ?? 0), all: size(words, total) }) : null
  const speed = isRunning && rate ? words.t("per_second", { n: size(words, rate) }) : null
  const rest = isRunning && left !== null ? words.t("time_left", { span: span(words, left) }) : null
  return [share, sizes, speed, rest].filter(Boolean).join(" · ")
}
