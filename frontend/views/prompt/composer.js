import { html, useEffect, useLayoutEffect, useRef } from "../../helpers/interface.js"
import { onEnter } from "../../helpers/keys.js"
import { usePhase } from "../shared/answer.js"
import { useApp } from "../shared/context.js"
import { MODIFIER } from "../../helpers/keys.js"

/** The two prompts, the presets above them, Send and Stop below. */
export function Composer() {
  const { words, prompt } = useApp()
  usePhase(prompt.generation)
  const isRunning = Boolean(prompt.generation?.isRunning)
  useKeys(prompt)
  const submit = (event) => {
    event.preventDefault()
    prompt.send()
  }
  return html`<form class="card composer" id="composer" aria-labelledby="composer-title" onSubmit=${submit}>
    <h2 class="column-title" id="composer-title">${words.t("prompts")}</h2>
    <${Presets} />
    <div class="field">
      <label for="system">${words.t("system_prompt")}</label>
      <textarea id="system" rows="5" placeholder=${words.t("system_placeholder")} value=${prompt.system}
        onInput=${(event) => prompt.type("system", event.target.value)}></textarea>
    </div>
    <div class="field grow">
      <label for="human">${words.t("human_prompt")}</label>
      <textarea id="human" rows="6" placeholder=${words.t("human_placeholder")} aria-describedby="keys" value=${prompt.human}
        onInput=${(event) => prompt.type("human", event.target.value)}></textarea>
    </div>
    <div class="actions" id="actions">
      <${SendOrStop} isRunning=${isRunning} />
      <p class="hint keys" id="keys">${words.t("keys", { modifier: MODIFIER })}</p>
    </div>
  </form>`
}

/** While an answer runs, Stop takes the place of Send, and the focus goes with it. */
function SendOrStop({ isRunning }) {
  const { words, prompt } = useApp()
  const button = useRef()
  const hadFocus = document.activeElement === button.current // while this is drawn the old button is still there
  useLayoutEffect(() => {
    if (hadFocus) button.current.focus()
  }, [isRunning])
  return isRunning
    ? html`<button type="button" class="stop" id="stop" key="stop" ref=${button} onClick=${() => prompt.stop()}>
        <span class="square" aria-hidden="true"></span><span>${words.t("stop")}</span></button>`
    : html`<button type="submit" class="primary" id="send" key="send" ref=${button}>${words.t("send")}</button>`
}

function Presets() {
  const { words, prompt, readyMade } = useApp()
  return html`<div class="presets" role="group" aria-label=${words.t("presets")} data-part="presets">
    ${[...readyMade, null].map((preset) => html`
      <button type="button" class="chip" key=${preset?.id ?? "free"} data-preset=${preset?.id ?? "free"} aria-pressed=${String(prompt.chosen === preset)}
        onClick=${() => prompt.choose(preset)}>${preset ? preset.title[words.language] : words.t("free_text")}</button>`)}
  </div>`
}

function useKeys(prompt) {
  useEffect(() => {
    const listen = (event) => {
      if (event.key === "Escape") prompt.stop()
      else onEnter(event, () => prompt.send(), { withModifier: true })
    }
    document.addEventListener("keydown", listen)
    return () => document.removeEventListener("keydown", listen)
  }, [prompt])
}
