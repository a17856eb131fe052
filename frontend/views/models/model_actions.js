import { html, useEffect, useRef, useState } from "../../helpers/interface.js"
import { factsOf, losers } from "../../state/models/model_facts.js"
import { useApp, useChanges } from "../shared/context.js"
import { Notice } from "../shared/notice.js"

const QUESTIONS = { load: "model_load_question", unload: "model_unload_question", delete: "model_delete_question" }
const ANSWERS = { load: "model_load_really", unload: "model_unload_really", delete: "model_delete_really" }
const UNDER_WAY = { load: "model_loading", unload: "model_unloading", delete: "model_deleting" }

/** Load, unload, delete: those of them that the gateway allows and the backend can do. What takes something away is asked first. */
export function ModelActions({ model }) {
  const { words, catalog, management, route } = useApp()
  useChanges(management)
  const [asked, setAsked] = useState(null)
  const triggers = { load: useRef(), unload: useRef(), delete: useRef() }
  const verb = management.underWay(model.id)
  const others = losers(model, catalog.list.map(factsOf))
  const go = async (name) => {
    setAsked(null)
    if ((await management.change(name, model.id, others.length > 0)) && name === "delete") route.replace("models")
  }
  const stay = () => {
    triggers[asked].current.focus()
    setAsked(null)
  }
  const button = (name, label) =>
    management.can(name) &&
    html`
    <button type="button" data-way=${name} disabled=${verb !== null} ref=${triggers[name]} onClick=${() => (name === "delete" || others.length > 0 ? setAsked(name) : go(name))}>${words.t(label)}</button>`
  return html`
    <div class="ways" data-part="actions">
      ${model.isLoaded !== true && !model.isCloud && button("load", "model_load")}
      ${model.isLoaded !== false && !model.isCloud && button("unload", "model_unload")}
      ${button("delete", "model_delete")}
    </div>
    ${asked && html`<${Question} text=${words.t(QUESTIONS[asked], { name: model.name, others: others.join(", ") })} yes=${words.t(ANSWERS[asked])} verb=${asked} onYes=${() => go(asked)} onNo=${stay} />`}
    <p class="hint" role="status" data-part="under-way">${verb && words.t(UNDER_WAY[verb])}</p>
    ${management.isEnabled && management.isPossible("unload") && !management.isPossible("delete") && html`<p class="hint" data-part="no-delete">${words.t("model_no_delete")}</p>`}
    <${Notice} fault=${management.fault(model.id)} />`
}

function Question({ text, yes, verb, onYes, onNo }) {
  const { words } = useApp()
  const keep = useRef()
  useEffect(() => keep.current.focus(), [])
  return html`<div class="question" role="group" aria-labelledby="change-question" onKeyDown=${(event) => event.key === "Escape" && onNo()}>
    <p id="change-question">${text}</p>
    <div class="ways">
      <button type="button" data-way="keep" ref=${keep} onClick=${onNo}>${words.t("model_keep")}</button>
      <button type="button" class="danger" data-way=${`${verb}-really`} onClick=${onYes}>${yes}</button>
    </div>
  </div>`
}
