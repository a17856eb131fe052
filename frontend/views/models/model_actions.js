import { html, useEffect, useRef, useState } from "../../helpers/interface.js"
import { useApp, useChanges } from "../shared/context.js"
import { Notice } from "../shared/notice.js"

const UNDER_WAY = { load: "model_loading", unload: "model_unloading", delete: "model_deleting" }

/** Load, unload, delete: those of them that the gateway allows and the backend can do. */
export function ModelActions({ model }) {
  const { words, management, route } = useApp()
  useChanges(management)
  const [isAsking, setAsking] = useState(false)
  const trigger = useRef()
  const verb = management.underWay(model.id)
  const remove = async () => {
    setAsking(false)
    if (await management.change("delete", model.id)) route.replace("models")
  }
  const stay = () => {
    setAsking(false)
    trigger.current.focus()
  }
  const button = (name, label, onClick, ref) =>
    management.can(name) &&
    html`
    <button type="button" data-way=${name} disabled=${verb !== null} ref=${ref} onClick=${onClick}>${words.t(label)}</button>`
  const change = (name) => () => management.change(name, model.id)
  return html`
    <div class="ways" data-part="actions">
      ${model.isLoaded !== true && button("load", "model_load", change("load"))}
      ${model.isLoaded !== false && button("unload", "model_unload", change("unload"))}
      ${button("delete", "model_delete", () => setAsking(true), trigger)}
    </div>
    ${isAsking && html`<${Question} model=${model} onYes=${remove} onNo=${stay} />`}
    <p class="hint" role="status" data-part="under-way">${verb && words.t(UNDER_WAY[verb])}</p>
    ${management.isEnabled && management.isPossible() && !management.isPossible("delete") && html`<p class="hint" data-part="no-delete">${words.t("model_no_delete")}</p>`}
    <${Notice} fault=${management.fault(model.id)} />`
}

function Question({ model, onYes, onNo }) {
  const { words } = useApp()
  const keep = useRef()
  useEffect(() => keep.current.focus(), [])
  return html`<div class="question" role="group" aria-labelledby="delete-question" onKeyDown=${(event) => event.key === "Escape" && onNo()}>
    <p id="delete-question">${words.t("model_delete_question", { name: model.name })}</p>
    <div class="ways">
      <button type="button" data-way="keep" ref=${keep} onClick=${onNo}>${words.t("model_keep")}</button>
      <button type="button" class="danger" data-way="delete-really" onClick=${onYes}>${words.t("model_delete_really")}</button>
    </div>
  </div>`
}
