import { html } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"

/** A field for each {{variable}} of the prompts, and how they read with all of them filled in. */
export function Variables() {
  const { words, prompt } = useApp()
  const { variables } = prompt.text
  if (variables.length === 0) return null
  return html`<div class="variables" data-part="variables" role="group" aria-labelledby="variables-title">
    <p class="label" id="variables-title">${words.t("variables")}</p>
    <div class="variable-list">
      ${variables.map((variable) => html`<${Variable} key=${variable.name} ...${variable} />`)}
    </div>
    <${Preview} />
  </div>`
}

function Variable({ name, value }) {
  const { words, prompt } = useApp()
  const id = `variable-${name}`
  const isMissing = prompt.gap?.name === name
  return html`<div class="field">
    <label for=${id}>${name}</label>
    <textarea id=${id} rows="1" value=${value} aria-invalid=${isMissing ? "true" : undefined} aria-describedby=${isMissing ? `${id}-objection` : undefined}
      onInput=${(event) => prompt.text.fill(name, event.target.value)}></textarea>
    ${isMissing && html`<p class="objection" role="alert" id=${`${id}-objection`}>${words.t("variable_empty", { name })} <span>${words.t("variable_plain")} <code>${`\\{{${name}}}`}</code></span></p>`}
  </div>`
}

function Preview() {
  const { words, prompt } = useApp()
  return html`<details class="preview">
    <summary>${words.t("preview")}</summary>
    <div class="preview-box" tabindex="0" role="group" aria-label=${words.t("preview")}>
      <dl data-part="preview">
        ${prompt.text.messages.map(({ role, content }, index) => html`<div key=${index} data-role=${role}><dt>${words.t(`role_${role}`)}</dt><dd>${content}</dd></div>`)}
      </dl>
    </div>
  </details>`
}
