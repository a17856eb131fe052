import Fault from "../../fault.js"
import Draft from "../conversations/draft.js"
import Continuation from "../generation/continuation.js"
import Generation from "../generation/generation.js"
import { requestOf } from "./request.js"
import Unsent from "./unsent.js"

const MOST_AT_ONCE = 4 // a browser opens six connections to a server, and the page itself needs some

/**
 * The conversations' running answers, and all that is asked, asked again and continued. Knows no DOM, so that an answer
 * goes on while another conversation, or another view, is looked at. Says "change".
 */
export default class Chat extends EventTarget {
  #parts
  #running = new Map() // conversation id → {generation, finished}
  #answers = new Map() // message id → its Generation, also when it has ended
  #records = new WeakMap() // message → the record of an answer that was never generated here
  #faults = new Map() // conversation id → Fault
  #sending = new Set()
  unsent = new Unsent()
  #blank
  /** The conversation that was looked at last. */
  current = ""
  /** The Generation that was begun last. */
  newest = null
  /** What was deleted last, `{kind, id, restore}`, while that can be taken back. */
  deleted = null

  constructor(parts) {
    super()
    this.#parts = parts
    this.renew()
    parts.conversations.addEventListener("change", ({ detail }) => this.#hear(detail))
  }

  /** What the next new conversation begins with. */
  get blank() {
    return { parameters: this.#parts.settings.parameters, ...this.#blank }
  }

  changeBlank(fields) {
    this.#blank = { ...this.#blank, ...fields }
    this.#tell()
  }

  renew() {
    this.#blank = { system: "", answersInFrench: false }
    this.#tell()
  }

  // -- looking

  /** The answer that runs in a conversation, or null. */
  running(id) {
    return this.#running.get(id)?.generation ?? null
  }

  fault(id) {
    return this.#faults.get(id) ?? null
  }

  /** What an answer shows: its Generation where this tab has it, else its record. */
  answerOf(message) {
    const known = this.#answers.get(message.id) ?? message.answer ?? this.#records.get(message)
    if (known) return known
    const phase = { whole: "done", streaming: "writing" }[message.state] ?? message.state
    const record = {
      phase,
      text: message.text,
      thought: message.thought ?? "",
      thoughtMs: null,
      usage: null,
      host: null,
      ttft: null,
      tokensPerSecond: null,
      fault: null,
    }
    this.#records.set(message, record)
    return record
  }

  /** The catalog's entry of a conversation's model, or what is known without one. */
  model({ model = "" }) {
    const { catalog } = this.#parts
    return model ? (catalog.find(model) ?? { id: model, isMissing: catalog.list.length > 0 }) : catalog.model
  }

  // -- asking

  /** Sends what is typed and attached in a conversation ("": a new one). Gives the conversation's id, or null. */
  async send(id) {
    const text = this.unsent.text(id).trim()
    const images = this.unsent.images(id)
    if (this.#sending.has(id) || this.running(id)) return null
    if (!this.#allows(id, text || images.length ? null : new Fault("no_question"))) return null
    return this.#once(id, async () => {
      const conversation = await this.#conversationFor(id)
      const question = await this.#parts.conversations.put({
        conversationId: conversation.id,
        parentId: conversation.head,
        role: "user",
        text,
        images,
      })
      this.unsent.forget(id)
      if (!id) this.renew()
      await this.#ask(conversation, question)
      return conversation.id
    })
  }

  /** Asks a question again, in other words: a version of it beside the first one. */
  async edit(message, text) {
    const { conversationId: id, parentId, role, images } = message
    if (role === "user" && !this.#allows(id, text.trim() || images?.length ? null : new Fault("no_question"))) return
    await this.#once(id, async () => {
      const edited = await this.#parts.conversations.put({
        conversationId: id,
        parentId,
        role,
        text: role === "user" ? text.trim() : text,
        images,
      })
      if (role === "user") await this.#ask(await this.#existing(id), edited)
    })
  }

  /** Another answer to the same question. One that said nothing gives its place to it. */
  async retry(message) {
    const { conversationId: id, parentId } = message
    if (!this.#allows(id)) return
    await this.#once(id, async () => {
      const conversation = await this.#existing(id)
      const question = message.role === "user" ? message : await this.#parts.conversations.message(parentId)
      const isEmpty = message.role === "assistant" && !message.text && !message.thought
      await this.#ask(conversation, question, isEmpty ? message : {})
    })
  }

  /** Lets the model go on where an answer broke off. */
  async goOn(message) {
    const { conversationId: id } = message
    if (!this.#allows(id)) return
    await this.#once(id, async () => {
      const conversation = await this.#existing(id)
      const question = await this.#parts.conversations.message(message.parentId)
      await this.#ask(conversation, question, message, message)
    })
  }

  stop(id) {
    this.#running.get(id)?.generation.stop()
  }

  // -- deleting

  /** Deletes a conversation; `undelete` takes that back. */
  async remove(id) {
    const { conversations } = this.#parts
    await this.#halt(id)
    const [conversation, { messages }] = await Promise.all([conversations.get(id), conversations.tree(id)])
    if (!conversation) return
    await conversations.remove(id)
    this.#keepDeletion({ kind: "conversation", restore: () => conversations.restore(conversation, messages) })
  }

  /** Deletes a message with all that follows it; `undelete` takes that back. */
  async removeMessage({ id: messageId, conversationId: id }) {
    const { conversations } = this.#parts
    await this.#once(id, async () => {
      await this.#halt(id)
      const { head } = await this.#existing(id)
      const gone = (await conversations.tree(id)).under(messageId)
      await conversations.removeMessage(id, messageId)
      const restore = async () => {
        for (const message of gone) await conversations.put(message)
        await conversations.change(id, { head })
      }
      this.#keepDeletion({ kind: "messages", id, restore })
    })
  }

  async undelete() {
    const { deleted } = this
    this.keepDeleted()
    await deleted?.restore().catch((fault) => this.#say(deleted.id, fault))
  }

  /** The deletion is final. */
  keepDeleted() {
    this.#keepDeletion(null)
  }

  #keepDeletion(deleted) {
    this.deleted = deleted
    this.#tell()
  }

  async #halt(id) {
    const running = this.#running.get(id)
    running?.generation.stop()
    await running?.finished
  }

  // -- asking, in detail

  #allows(id, objection = null) {
    const isFull = this.#running.size >= MOST_AT_ONCE
    const fault =
      objection ??
      (isFull ? new Fault("too_many_answers") : this.#parts.settings.isReachable ? null : new Fault("endpoint_wrong"))
    this.#say(id, fault)
    return !fault && !this.running(id)
  }

  /** Runs one thing at a time in a conversation, so that a second press of a button does nothing. */
  async #once(id, work) {
    if (this.#sending.has(id)) return null
    this.#sending.add(id)
    try {
      return await work()
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault
      this.#say(id, fault)
      return null
    } finally {
      this.#sending.delete(id)
    }
  }

  async #existing(id) {
    const conversation = await this.#parts.conversations.get(id)
    if (!conversation) throw new Fault("conversation_gone")
    return conversation
  }

  async #conversationFor(id) {
    if (id) return this.#existing(id)
    return this.#parts.conversations.create({ ...this.blank, model: this.#parts.catalog.model?.id ?? "" })
  }

  /** `message`: the stored one that the answer takes the place of; `beginning`: the one that it continues. */
  async #ask(conversation, question, message = {}, beginning = null) {
    const { conversations, settings } = this.#parts
    const tree = await conversations.tree(conversation.id)
    const path = beginning ? [...tree.path(question.id), beginning] : tree.path(question.id)
    const model = this.model(conversation)
    const request = await requestOf(conversation, path, { model: model?.id ?? "", isDemo: Boolean(model?.is_demo) })
    const generation = beginning
      ? new Continuation(request, settings, this.answerOf(beginning))
      : new Generation(request, settings)
    const draft = new Draft(conversations, { ...message, conversationId: conversation.id, parentId: question.id })
    draft.addEventListener("gone", () => generation.stop())
    generation.addEventListener("change", () => draft.update(generation))
    const finished = new Promise((resolve) =>
      generation.addEventListener("end", () => resolve(this.#finish(conversation.id, generation, draft))),
    )
    this.#running.set(conversation.id, { generation, finished })
    this.#answers.set(draft.id, generation)
    this.newest = generation
    generation.run()
    this.#tell()
  }

  async #finish(id, generation, draft) {
    const hasImages = generation.request.messages.some(({ images }) => images?.length)
    if (generation.fault?.kind === "unsupported" && hasImages)
      generation.fault = new Fault("no_vision", generation.fault.detail)
    generation.request = { parameters: generation.request.parameters } // its images are large, and nobody needs them again
    this.#running.delete(id)
    this.#tell()
    this.#parts.catalog.refresh() // a model is in memory now, or the server has just shown that something is wrong
    await draft.end(generation).catch((fault) => this.#say(id, fault))
  }

  // -- telling

  #hear({ what, id, messageId, isElsewhere }) {
    if (isElsewhere && messageId) this.#answers.delete(messageId) // another tab goes on with it
    if (what === "removed") this.stop(id)
    if (what === "everything") for (const one of this.#running.keys()) this.stop(one)
  }

  #say(id, fault) {
    if (fault) this.#faults.set(id, fault)
    else this.#faults.delete(id)
    this.#tell()
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}
