import { copyText } from "../../helpers/clipboard.js"
import { html, useEffect, useState } from "../../helpers/interface.js"
import { useApp } from "./context.js"
import { Icon } from "./icons.js"

const SAID_MS = 2000

/** A quiet button that copies `text()` and says whether it could. */
export function CopyButton({ text }) {
  const { words } = useApp()
  const [said, setSaid] = useState("")
  useEffect(() => {
    if (!said) return undefined
    const timer = setTimeout(() => setSaid(""), SAID_MS)
    return () => clearTimeout(timer)
  }, [said])
  const copy = async () => setSaid((await copyText(text())) ? "copied" : "copy_refused")
  return html`<button type="button" class="ghost" data-do="copy" onClick=${copy}>
    <${Icon} name=${said === "copied" ? "check" : "copy"} /><span aria-live="polite">${words.t(said || "copy")}</span></button>`
}
