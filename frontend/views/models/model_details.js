import { details } from "../../gateway.js"
import { backendName, number, size } from "../../helpers/format.js"
import { html, useEffect, useLayoutEffect, useRef, useState } from "../../helpers/interface.js"
import { amount, canChat, text } from "../../state/models/model_facts.js"
import { address } from "../../state/page/route.js"
import { useApp } from "../shared/context.js"
import { Notice } from "../shared/notice.js"
import { Capabilities } from "./capabilities.js"
import { ModelActions } from "./model_actions.js"
import { Loaded } from "./model_list.js"

const LONGEST_TEXT = 64 * 1024

/** All that is known of one model, and what may be done with it. */
export function ModelDetails({ model }) {
  const { words } = useApp()
  const [told, fault] = useTold(model.id)
  const heading = useRef()
  useLayoutEffect(() => takeFocus(heading.current), [model.id])
  return html`
    <a class="link-button models-back" href=${address("models")}>${words.t("models_back")}</a>
    <div class="details-head">
      <h2 class="details-name" tabindex="-1" ref=${heading}><bdi>${model.name}</bdi>${model.isDemo && html` <span class="badge demo">${words.t("demo")}</span>`}${model.isCloud && html` <span class="badge cloud">${words.t("cloud")}</span>`}</h2>
      <${Loaded} model=${model} />
    </div>
    ${model.isCloud && html`<p class="hint" data-part="cloud-note">${words.t("cloud_note")}</p>`}
    <${Capabilities} names=${model.capabilities} />
    ${text(told.description) && html`<p class="hint">${told.description}</p>`}
    ${canChat(model) ? html`<${Use} model=${model} />` : html`<p class="hint" data-part="no-chat">${words.t("model_no_chat")}</p>`}
    <${ModelActions} model=${model} />
    <${Notice} fault=${fault} />
    <dl class="facts" data-part="facts">
      ${facts(words, model, told)
        .filter(([, , value]) => value)
        .map(
          ([key, title, value]) =>
            html`<div key=${key} data-fact=${key}><dt>${title}</dt><dd><bdi>${value}</bdi></dd></div>`,
        )}
    </dl>
    ${texts(words, told)
      .filter(([, , value]) => value)
      .map(([key, title, value]) => html`<${Text} key=${key} name=${key} title=${title} text=${value} />`)}`
}

/** On a phone the list gives way to the details, and the focus must not go with it. */
function takeFocus(heading) {
  if (!document.activeElement.checkVisibility()) heading.focus({ preventScroll: true })
}

function Use({ model }) {
  const { words, settings, route } = useApp()
  const use = (view) => {
    settings.model = model.id
    route.go(view)
  }
  return html`<div class="ways">
    <button type="button" data-way="prompt" onClick=${() => use("prompt")}>${words.t("use_in_prompt")}</button>
    <button type="button" data-way="chat" onClick=${() => use("chat")}>${words.t("use_in_chat")}</button>
  </div>`
}

/** What the gateway knows of the model; `{}` of a foreign endpoint's, which has nothing of the kind. */
function useTold(id) {
  const { settings } = useApp()
  const [state, setState] = useState([{}, null])
  useEffect(() => {
    let isWanted = true
    if (!settings.isOwnGateway) return undefined
    details(settings, id).then(
      (told) => isWanted && setState([told && typeof told === "object" ? told : {}, null]),
      (fault) => isWanted && setState([{}, fault]),
    )
    return () => (isWanted = false)
  }, [settings, id])
  return state
}

function facts(words, model, told) {
  const context = model.contextLength ?? amount(told.context_length)
  const trained = model.trainedContextLength ?? amount(told.trained_context_length) ?? amount(told.context_length)
  return [
    ["id", words.t("fact_id"), model.id],
    ["backend", words.t("figure_backend"), model.backend && backendName(words, model.backend)],
    ["family", words.t("fact_family"), model.family],
    ["parameters", words.t("fact_parameters"), model.parameters],
    ["quantization", words.t("fact_quantization"), model.quantization],
    ["format", words.t("fact_format"), text(told.format)],
    ["size", words.t("fact_size"), model.sizeBytes && size(words, model.sizeBytes)],
    ["memory", words.t("fact_memory"), model.memoryBytes && size(words, model.memoryBytes)],
    ["context", words.t("fact_context"), context && words.t("tokens", { n: number(words, context) })],
    [
      "trained",
      words.t("fact_trained"),
      trained && trained !== context && words.t("tokens", { n: number(words, trained) }),
    ],
    ["shares", words.t("fact_shares"), model.sharesWith.join(", ")],
    ["vector", words.t("fact_vector"), amount(told.embedding_length) && number(words, told.embedding_length)],
    ["modified", words.t("fact_modified"), date(words, told.modified_at)],
    ["license", words.t("fact_license"), text(told.license)?.trim().split("\n")[0]],
  ]
}

function texts(words, told) {
  const isList = (value) => value && typeof value === "object" && Object.keys(value).length > 0
  return [
    ["system", words.t("text_system"), long(told.system)],
    ["parameters", words.t("text_parameters"), /\s/.test(told.parameters) ? long(told.parameters) : null],
    ["template", words.t("text_template"), long(told.template)],
    ["license", words.t("text_license"), long(told.license)?.trim().includes("\n") ? long(told.license) : null],
    [
      "details",
      words.t("text_details"),
      isList(told.model_info ?? told.details) ? long(JSON.stringify(told.model_info ?? told.details, null, 2)) : null,
    ],
  ]
}

function long(value) {
  return typeof value === "string" && value.trim() ? value.slice(0, LONGEST_TEXT) : null
}

function date(words, value) {
  const at = typeof value === "string" ? Date.parse(value) : NaN
  return Number.isNaN(at) ? null : new Intl.DateTimeFormat(words.language, { dateStyle: "long" }).format(at)
}

function Text({ name, title, text }) {
  return html`<details class="long-text" data-text=${name}><summary>${title}</summary><pre tabindex="0"><bdi>${text}</bdi></pre></details>`
}
