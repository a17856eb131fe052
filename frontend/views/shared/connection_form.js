import { html } from "../../helpers/interface.js"
import { useApp, useChanges } from "./context.js"
import { TypedInput } from "./typed_input.js"

/** Where the page asks its questions: the endpoint and its key. */
export function ConnectionForm() {
  const { words, settings, catalog } = useApp()
  useChanges(settings)
  const moveTo = (address) => {
    settings.endpoint = address
    catalog.refresh()
  }
  const useKey = (key) => {
    settings.key = key
    catalog.refresh()
  }
  return html`
    <div class="field">
      <label for="endpoint">${words.t("endpoint")}</label>
      <${TypedInput} type="url" id="endpoint" list="endpoints" spellcheck=${false} aria-describedby="endpoint-hint" value=${settings.endpoint} onCommit=${moveTo} />
      <datalist id="endpoints">
        <option value="http://127.0.0.1:11434/v1" label="Ollama"></option>
        <option value="http://127.0.0.1:1234/v1" label="LM Studio"></option>
      </datalist>
      <p class="hint" id="endpoint-hint">${words.t(settings.isOwnGateway ? "endpoint_own" : "endpoint_foreign")}</p>
      ${!settings.isOwnGateway && html`<button type="button" class="link-button" id="own-endpoint" onClick=${() => moveTo(settings.own)}>${words.t("use_this_gateway")}</button>`}
    </div>
    <div class="field">
      <label for="key">${words.t("key")}</label>
      <${TypedInput} type="password" id="key" autocomplete="off" spellcheck=${false} placeholder=${words.t("key_placeholder")} aria-describedby="key-hint"
        value=${settings.key} onCommit=${useKey} />
      <label class="check"><input type="checkbox" id="keep-key" checked=${settings.isKeyKept} onChange=${(event) => (settings.isKeyKept = event.target.checked)} />
        <span>${words.t("key_keep")}</span></label>
      <p class="hint" id="key-hint">${words.t(settings.isKeyKept ? "key_hint_kept" : "key_hint")}</p>
    </div>`
}
