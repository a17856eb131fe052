import { html, useEffect, useRef, useState } from "../../helpers/interface.js"
import { useApp, useChanges } from "../shared/context.js"
import { IconButton } from "../shared/icons.js"

const PATIENCE_MS = 12_000

/** What was deleted last, with a way to take that back; it leaves by itself, but not while somebody is about to use it. */
export function UndoBar() {
  const { words, chat } = useApp()
  useChanges(chat)
  const { deleted } = chat
  const [isHeld, setHeld] = useState(false)
  const bar = useRef()
  useEffect(() => {
    if (!deleted || isHeld) return undefined
    const timer = setTimeout(() => chat.keepDeleted(), PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [deleted, isHeld])
  const look = () => setHeld(Boolean(bar.current?.matches(":hover, :focus-within")))
  return html`<div class="undo-place" role="status" ref=${bar} onPointerEnter=${look} onPointerLeave=${look} onFocusIn=${look} onFocusOut=${() => setTimeout(look)}>
    ${
      deleted &&
      html`<div class="undo" data-part="undo" key=${deleted}>
      <span>${words.t(deleted.kind === "conversation" ? "conversation_deleted" : "messages_deleted")}</span>
      <button type="button" class="link-button" data-do="undo" onClick=${() => chat.undelete()}>${words.t("undo")}</button>
      <${IconButton} icon="close" label=${words.t("close")} onClick=${() => chat.keepDeleted()} />
    </div>`
    }
  </div>`
}
