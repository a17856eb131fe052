import { html, useLayoutEffect, useRef } from "../../helpers/interface.js"
import MarkdownStream from "../../markdown/stream.js"
import { useApp } from "./context.js"

/**
 * The text of an answer (a Generation or its record) in plain nodes that grow once a frame: redrawing a component for
 * every token would cost more than the token. Screen readers are told when it is whole (aria-busy), and
 * nothing of one that was whole before.
 */
export function AnswerText({ answer }) {
  const { words } = useApp()
  const box = useRef()
  useLayoutEffect(() => {
    // before it is painted, so that an answer that is there already never flashes
    const stream = new MarkdownStream(box.current, { words })
    const end = () => {
      stream.end(answer.text)
      box.current.ariaBusy = "false"
    }
    if (!answer.isRunning) return void end()
    const grow = () => answer.isRunning && stream.update(answer.text)
    box.current.ariaBusy = "true"
    grow()
    answer.addEventListener("change", grow)
    answer.addEventListener("end", end, { once: true })
    return () => {
      answer.removeEventListener("change", grow)
      answer.removeEventListener("end", end)
    }
  }, [answer])
  return html`<div class="text" data-part="text" aria-live=${answer.addEventListener ? "polite" : "off"} aria-busy="false" ref=${box}></div>`
}
