import { html, useEffect, useRef } from "../../helpers/interface.js"
import { useApp } from "./context.js"
import { IconButton } from "./icons.js"

/**
 * A panel over the page, at its `side` ("start", "end" or "middle"). The browser keeps the focus in it, closes it on
 * Escape and gives the focus back. `isOpen` and `onClose` belong to whoever shows it.
 */
export function Sheet({ id, isOpen, onClose, title, side = "end", children }) {
  const { words } = useApp()
  const dialog = useRef()
  useEffect(() => {
    if (isOpen && !dialog.current.open) dialog.current.showModal()
    if (!isOpen && dialog.current.open) dialog.current.close()
  }, [isOpen])
  const onBackdrop = (event) => event.target === dialog.current && dialog.current.close()
  return html`<dialog class="sheet" id=${id} data-side=${side} aria-labelledby=${`${id}-title`} ref=${dialog} onClose=${onClose} onClick=${onBackdrop}>
    <div class="sheet-box">
      <div class="sheet-head">
        <h2 class="column-title" id=${`${id}-title`}>${title}</h2>
        <${IconButton} icon="close" label=${words.t("close")} data-part="close" onClick=${() => dialog.current.close()} />
      </div>
      ${isOpen && children}
    </div>
  </dialog>`
}
