import { html } from "../../helpers/interface.js"
import { useApp, useChanges } from "../shared/context.js"
import { AnswerColumn } from "./answer_column.js"
import { Composer } from "./composer.js"
import { Configuration } from "./configuration.js"

/** The course's page: configuration, prompts, and the answer beside them. */
export function PromptView() {
  const { prompt } = useApp()
  useChanges(prompt)
  return html`<div class="prompt-view">
    <${Configuration} />
    <${Composer} />
    <${AnswerColumn} />
  </div>`
}
