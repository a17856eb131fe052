import { html, useLayoutEffect, useRef } from "../../helpers/interface.js"
import { useApp } from "./context.js"

/** Submits its form; while an answer runs, Stop takes the place of Send, and the focus goes with it. */
export function SendOrStop({ isRunning, isDisabled = false, onStop }) {
  const { words } = useApp()
  const button = useRef()
  const hadFocus = document.activeElement === button.current // while this is drawn the old button is still there
  useLayoutEffect(() => {
    if (hadFocus) button.current.focus()
  }, [isRunning])
  return isRunning
    ? html`<button type="button" class="stop" id="stop" key="stop" ref=${button} onClick=${onStop}>
        <span class="square" aria-hidden="true"></span><span>${words.t("stop")}</span></button>`
    : html`<button type="submit" class="primary" id="send" key="send" disabled=${isDisabled} ref=${button}>${words.t("send")}</button>`
}
