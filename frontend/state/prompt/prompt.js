import Fault from "../../fault.js"
import { recall, remember } from "../../helpers/storage.js"
import { endOf, titleFrom } from "../conversations/message.js"
import Generation from "../generation/generation.js"
import PromptText from "./prompt_text.js"

const KEPT = "prompt-answer"

/**
 * The Prompt view's state: what stands in it (`text`, see PromptText), and the answer to it, which outlives the view and,
 * as a record, a reload. Says "change".
 */
export default class Prompt extends EventTarget {
  #parts
  #sent = null
  #isGone = false
  /** A Generation, or the record of one from before a reload; null without any. */
  generation = null
  fault = null
  /** What kept the last Send from being one, see PromptText's `gap`. */
  gap = null

  constructor(parts) {
    super()
    this.#parts = parts
    this.text = new PromptText(parts)
    this.text.addEventListener("change", () => {
      this.fault = this.gap = null
      this.#tell()
    })
    this.#recall()
    addEventListener("pagehide", () => {
      if (this.generation?.isRunning) this.#keep()
      this.#isGone = true // what the browser then does to the connection is not the answer's end
    })
    addEventListener("pageshow", () => (this.#isGone = false))
  }

  get system() {
    return this.text.system
  }

  get human() {
    return this.text.human
  }

  send() {
    if (this.generation?.isRunning) return
    this.fault = this.#objection()
    this.gap = this.fault ? null : this.text.gap
    if (!this.fault && !this.gap) this.#run()
    this.#tell()
  }

  /** Points at the first thing without which nothing is sent. */
  showGap() {
    this.gap = this.text.gap
    this.#tell()
  }

  stop() {
    this.generation?.stop?.()
  }

  /** Hands over what was sent, and what came, to a new conversation. Gives its id. */
  async continueIn(conversations) {
    const { messages, model, parameters } = this.#sent
    const answer = this.generation.record?.() ?? this.generation
    const said = messages.filter(({ role }) => role !== "system")
    const system = messages.find(({ role }) => role === "system")?.content ?? ""
    const { id } = await conversations.create({ title: titleFrom(said.at(-1).content), system, model, parameters })
    let parentId = null
    for (const { role, content: text } of said)
      parentId = (await conversations.put({ conversationId: id, parentId, role, text })).id
    const { text, thought } = answer
    await conversations.put({
      conversationId: id,
      parentId,
      role: "assistant",
      text,
      thought,
      state: endOf(answer),
      answer,
    })
    return id
  }

  #objection() {
    if (!this.human.trim()) return new Fault("no_question")
    return this.#parts.settings.isReachable ? null : new Fault("endpoint_wrong")
  }

  #run() {
    const { settings, catalog } = this.#parts
    const { model } = catalog
    this.#sent = { messages: this.text.messages, model: model?.id ?? "", parameters: settings.parameters }
    this.generation = new Generation({ ...this.#sent, isDemo: Boolean(model?.is_demo) }, settings)
    this.generation.addEventListener("end", () => {
      if (!this.#isGone) this.#keep()
      this.#tell()
      catalog.refresh() // a model is in memory now, or the server has just shown that something is wrong
    })
    this.generation.run()
  }

  #keep() {
    remember("sessionStorage", KEPT, JSON.stringify({ sent: this.#sent, answer: this.generation.record() }))
  }

  #recall() {
    try {
      const { sent, answer } = JSON.parse(recall("sessionStorage", KEPT))
      const phase = ["done", "length", "stopped", "failed"].includes(answer.phase) ? answer.phase : "cut"
      if (phase === "cut" && !answer.text && !answer.thought) return // the page went before the first word
      this.#sent = sent
      this.generation = { ...answer, phase }
    } catch {
      // nothing was kept
    }
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}
