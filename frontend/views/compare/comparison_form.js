import { html } from "../../helpers/interface.js"
import { MODIFIER } from "../../helpers/keys.js"
import { MOST } from "../../state/compare/comparison.js"
import { useApp } from "../shared/context.js"
import { Icon } from "../shared/icons.js"
import { Notice } from "../shared/notice.js"

/** The prompts that all columns get, Run, and how to run. */
export function ComparisonForm() {
  const { words, comparison, catalog, route, prompt } = useApp()
  const submit = (event) => {
    event.preventDefault()
    comparison.run()
  }
  const ways = {
    to_question: () => document.getElementById("compare-human").focus(),
    to_prompt_view: () => {
      route.go("prompt")
      prompt.showGap()
    },
  }
  return html`<form class="card compare-form" id="comparison" aria-labelledby="compare-title" onSubmit=${submit}>
    <div class="label-row">
      <h2 class="column-title" id="compare-title">${words.t("compare_title")}</h2>
      ${comparison.isOwnText && html`<button type="button" class="link-button" id="use-prompt-view" onClick=${() => comparison.usePromptView()}>${words.t("use_prompt_view")}</button>`}
    </div>
    <div class="compare-prompts">
      <${PromptField} part="system" label="system_prompt" placeholder="system_placeholder" />
      <${PromptField} part="human" label="human_prompt" placeholder="human_placeholder" />
    </div>
    ${comparison.examples.length > 0 && html`<p class="hint" data-part="examples">${words.t("compare_examples")}</p>`}
    <div class="compare-actions">
      <${RunOrStop} />
      <${Order} />
      <button type="button" class="quiet" id="add-column" disabled=${comparison.columns.length >= MOST} onClick=${() => comparison.add()}>
        <${Icon} name="plus" />${words.t("add_column")}</button>
      <p class="hint keys">${words.t("compare_keys", { modifier: MODIFIER })}</p>
    </div>
    ${comparison.columns.every(({ model }) => catalog.find(model)?.is_demo) && html`<p class="hint" data-part="all-demo">${words.t("compare_demo")}</p>`}
    <${Notice} fault=${comparison.fault} ways=${ways} />
  </form>`
}

function PromptField({ part, label, placeholder }) {
  const { words, comparison } = useApp()
  return html`<div class="field">
    <label for=${`compare-${part}`}>${words.t(label)}</label>
    <textarea id=${`compare-${part}`} rows="3" placeholder=${words.t(placeholder)} value=${comparison[part]}
      onInput=${(event) => comparison.type(part, event.target.value)}></textarea>
  </div>`
}

/** One button, so that the focus stays where it is. */
function RunOrStop() {
  const { words, comparison } = useApp()
  const { isRunning, isMeasuring } = comparison
  return html`<button type="button" id="run" class=${isRunning ? "stop" : "primary"} disabled=${isMeasuring} onClick=${() => (isRunning ? comparison.stop() : comparison.run())}>
    ${isRunning && html`<span class="square" aria-hidden="true"></span>`}<span>${words.t(isRunning ? "stop_all" : "run_all")}</span></button>`
}

function Order() {
  const { words, comparison } = useApp()
  const choice = (
    isSequential,
    id,
    key,
  ) => html`<label class="check"><input type="radio" name="order" id=${id} checked=${comparison.isSequential === isSequential}
    onChange=${() => comparison.setSequential(isSequential)} /><span>${words.t(key)}</span></label>`
  return html`<fieldset class="compare-order">
    <legend class="label">${words.t("order")}</legend>
    ${choice(true, "order-one", "order_one")}${choice(false, "order-all", "order_all")}
    <p class="hint">${words.t(comparison.isSequential ? "order_one_hint" : "order_all_hint")}</p>
  </fieldset>`
}
