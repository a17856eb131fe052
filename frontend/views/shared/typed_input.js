import { html, useState } from "../../helpers/interface.js"

/** An input that takes effect when it is left; what is being typed in it outlives every redrawing meanwhile. */
export function TypedInput({ value, onCommit, ...rest }) {
  const [typed, setTyped] = useState(null)
  const commit = (event) => {
    setTyped(null)
    onCommit(event.target.value)
  }
  return html`<input ...${rest} value=${typed ?? value} onInput=${(event) => setTyped(event.target.value)} onChange=${commit} onBlur=${() => setTyped(null)} />`
}
