import { FAULTS } from "../../fault.js"
import { html } from "../../helpers/interface.js"
import { useApp } from "./context.js"

/**
 * A fault as a sentence, a hint and buttons; nothing without one. `ways` are further things to do, by the names in
 * FAULTS; those of the page itself (`to_key` …) are known here. A way that nobody offers has no button.
 */
export function Notice({ fault, values = {}, ways: own = {} }) {
  const { words, settings, ways: common } = useApp()
  if (!fault) return null
  const { text, hint, command, ways } = FAULTS[fault.kind]
  const told = { host: settings.host, ...values }
  const offered = { ...common, ...own }
  return html`<div class="notice" role="alert" data-kind=${fault.kind} key=${fault.kind + fault.detail}>
    <p class="notice-text">${words.t(text, told)}</p>
    ${fault.detail && html`<p class="notice-detail">${words.t("detail", { detail: fault.detail })}</p>`}
    <p>${words.t(hint, told)}</p>
    ${command && html`<pre tabindex="0"><code>${command}</code></pre>`}
    <div class="ways">${ways
      .filter((way) => offered[way])
      .map(
        (way) => html`
      <button type="button" data-way=${way} onClick=${() => offered[way](fault)}>${words.t(way)}</button>`,
      )}
    </div>
  </div>`
}
