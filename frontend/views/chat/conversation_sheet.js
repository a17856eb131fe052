import { html } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"
import { ModelChoice } from "../shared/model_choice.js"
import { ParametersForm } from "../shared/parameters_form.js"
import { Sheet } from "../shared/sheet.js"
import { exportOne } from "./files.js"

/** What belongs to one conversation: its model, its system prompt, its parameters, and its file. */
export function ConversationSheet({ id, conversation, isOpen, onClose }) {
  const { words, chat, settings, conversations } = useApp()
  const change = (fields) => (id ? conversations.change(id, fields) : chat.changeBlank(fields))
  const choose = (model) => {
    if (id) change({ model })
    else settings.model = model
  }
  const model = chat.model(conversation)
  return html`<${Sheet} id="conversation-settings" title=${words.t("conversation_settings")} isOpen=${isOpen} onClose=${onClose}>
    <form class="fields" autocomplete="off" onSubmit=${(event) => event.preventDefault()}>
      <${ModelChoice} value=${conversation.model} onChoose=${choose} />
      <div class="field">
        <label for="system">${words.t("system_prompt")}</label>
        <textarea id="system" rows="5" placeholder=${words.t("system_placeholder")} value=${conversation.system} onChange=${(event) => change({ system: event.target.value })}></textarea>
      </div>
      <${ParametersForm} id="chat-" value=${conversation.parameters} model=${model} onChange=${(parameters) => change({ parameters })} />
      ${
        id &&
        html`<div class="field">
        <p class="label">${words.t("export_conversation")}</p>
        <div class="ways">
          <button type="button" data-do="export-json" onClick=${() => exportOne(conversations, conversation, words, false)}>JSON</button>
          <button type="button" data-do="export-markdown" onClick=${() => exportOne(conversations, conversation, words, true)}>Markdown</button>
        </div>
      </div>`
      }
    </form>
  <//>`
}
