import { number } from "../../helpers/format.js"
import { html } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"

/** How full the model's context is; see contextUse. */
export function ContextGauge({ use }) {
  const { words } = useApp()
  if (!use) return null
  const about = use.isEstimated ? "≈ " : ""
  const percent = about + words.t("percent", { n: number(words, use.share * 100) })
  const counted = words.t("context_use", {
    used: about + number(words, use.used),
    limit: number(words, use.limit),
    percent,
  })
  const whole = [
    counted,
    use.level !== "free" && words.t(LEVELS[use.level]),
    use.hasImages && words.t("context_images"),
  ]
    .filter(Boolean)
    .join(" ")
  return html`<div class="gauge" id="gauge" data-level=${use.level} role="meter" aria-label=${words.t("context")} aria-valuemin="0" aria-valuemax=${use.limit}
    aria-valuenow=${Math.min(use.used, use.limit)} aria-valuetext=${whole} title=${whole}>
    <span class="gauge-bar"><span style=${{ inlineSize: `${Math.min(100, use.share * 100)}%` }}></span></span>
    <span class="gauge-text">${use.level === "free" ? percent : `${words.t(LEVELS[use.level])} ${percent}`}</span>
  </div>`
}

const LEVELS = { tight: "context_tight", over: "context_over" }
