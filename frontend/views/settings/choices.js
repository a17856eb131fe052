import { html } from "../../helpers/interface.js"

/** A few choices of which one is taken: `choices` are `[value, label, language?]`. */
export function Choices({ name, label, value, choices, onChoose }) {
  return html`<fieldset class="choices">
    <legend class="label">${label}</legend>
    <div class="choice-row">
      ${choices.map(
        ([one, text, language]) => html`<label key=${one}>
        <input type="radio" name=${name} id=${`${name}-${one || "system"}`} value=${one} checked=${one === value} onChange=${() => onChoose(one)} />
        <span lang=${language}>${text}</span>
      </label>`,
      )}
    </div>
  </fieldset>`
}
