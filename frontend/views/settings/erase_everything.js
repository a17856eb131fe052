import { html, useEffect, useRef, useState } from "../../helpers/interface.js"
import { eraseEverything } from "../../state/page/erasure.js"
import { useApp } from "../shared/context.js"
import { Icon } from "../shared/icons.js"

/** Two steps apart: the second button stands where nobody clicks by mistake, and the focus goes to the way back. */
export function EraseEverything({ conversations }) {
  const { words } = useApp()
  const [isAsking, setAsking] = useState(false)
  const first = useRef()
  const back = useRef()
  const wasAsking = useRef(false)
  useEffect(() => {
    if (isAsking) back.current.focus()
    else if (wasAsking.current) first.current.focus()
    wasAsking.current = isAsking
  }, [isAsking])
  if (!isAsking) {
    return html`<div class="settings-buttons"><button type="button" class="settings-button danger" id="erase" key="erase" ref=${first} onClick=${() => setAsking(true)}>
      <${Icon} name="trash" />${words.t("erase_everything")}</button></div>`
  }
  return html`<div class="erase-question" role="group" aria-labelledby="erase-question" onKeyDown=${(event) => event.key === "Escape" && setAsking(false)}>
    <p id="erase-question"><strong>${words.t("erase_question")}</strong> ${words.t("erase_hint")}</p>
    <div class="settings-buttons">
      <button type="button" class="settings-button" id="erase-not" key="not" ref=${back} onClick=${() => setAsking(false)}>${words.t("cancel")}</button>
      <button type="button" class="settings-button danger" id="erase-really" key="really" onClick=${() => eraseEverything(conversations)}>${words.t("erase_really")}</button>
    </div>
  </div>`
}
