import { duration, wholeSeconds } from "../../helpers/format.js"
import { html, useEffect, useRef, useState } from "../../helpers/interface.js"
import { oncePerFrame } from "../../helpers/timing.js"
import { useApp, useClock } from "./context.js"

/** A model's reasoning, folded, with how long it took. Nothing for an answer without any. */
export function Thought({ answer }) {
  const { words } = useApp()
  const box = useRef()
  const [, setSeen] = useState(false)
  const isThinking = answer.phase === "thinking"
  useClock(500, isThinking)
  useEffect(() => {
    if (!answer.isRunning) return undefined
    const draw = oncePerFrame(() => {
      setSeen(Boolean(answer.thought))
      if (box.current && answer.thought.length > box.current.length)
        box.current.appendData(answer.thought.slice(box.current.length))
    })
    answer.addEventListener("change", draw)
    return () => answer.removeEventListener("change", draw)
  }, [answer])
  if (!answer.thought) return null
  const title = isThinking
    ? words.t("thinking", { seconds: wholeSeconds(words, answer.thoughtMs) })
    : words.t("thought", { seconds: duration(words, answer.thoughtMs ?? 0) })
  return html`<details class="thought" data-part="thought">
    <summary data-part="thought-title">${title}</summary>
    <div class="thought-text" data-part="thought-text" ref=${(node) => (box.current = node && growing(node, answer.thought))}></div>
  </details>`
}

/** The one text node of the box, with at least this text in it. */
function growing(node, text) {
  if (!node.firstChild) node.append(new Text())
  const inside = node.firstChild
  if (inside.length < text.length) inside.appendData(text.slice(inside.length))
  return inside
}
