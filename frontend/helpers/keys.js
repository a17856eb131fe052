export const MODIFIER = /Mac|iPhone|iPad/.test(navigator.platform) ? "⌘" : "Ctrl"

/** Whether a key press belongs to an input method that is composing a word: keyCode 229 is how some browsers mark its last Enter. */
export function isComposing(event) {
  return event.isComposing || event.keyCode === 229
}

/** Calls `send` for Enter, or for Ctrl/⌘ and Enter where `withModifier`; Shift and Enter stays a new line. */
export function onEnter(event, send, { withModifier = false } = {}) {
  if (event.key !== "Enter" || event.repeat || isComposing(event) || event.shiftKey) return
  if (withModifier && !event.ctrlKey && !event.metaKey) return
  event.preventDefault()
  send()
}
