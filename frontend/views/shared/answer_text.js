import { html, useEffect, useRef } from "../../helpers/interface.js"
import { oncePerFrame } from "../../helpers/timing.js"

/**
 * The text of an answer (a Generation or its record) in plain nodes that grow once a frame: redrawing a component for
 * every token would cost more than the token. Screen readers are told when it is whole (aria-busy).
 */
export function AnswerText({ answer }) {
  const box = useRef()
  useEffect(() => {
    const draw = () => {
      box.current.textContent = answer.text
      box.current.ariaBusy = String(Boolean(answer.isRunning))
    }
    draw()
    if (!answer.isRunning) return undefined
    const later = oncePerFrame(() => box.current && draw())
    answer.addEventListener("change", later)
    return () => answer.removeEventListener("change", later)
  }, [answer])
  return html`<div class="text" data-part="text" aria-live="polite" aria-busy="false" ref=${box}></div>`
}
