import { endOf, storable } from "./message.js"

const PAUSE_MS = 500

/**
 * A running answer on its way into a conversation. Saved at most twice a second, and by Conversations when the page
 * goes. Says "gone" when its conversation, or the message it answers, was deleted meanwhile.
 */
export default class Draft extends EventTarget {
  #conversations
  #message
  #answer = null
  #savedAt = -Infinity
  #isDirty = true
  #timer = 0
  #saving = null
  #hasEnded = false
  isSaved = false
  fault = null

  /** `message`: `{conversationId, parentId, role: "assistant", …}`; the rest is filled in. */
  constructor(conversations, message) {
    super()
    this.#conversations = conversations
    this.#message = storable({ role: "assistant", ...message, state: "streaming", owner: conversations.tab })
    conversations.follow(this)
    this.#save()
  }

  get id() {
    return this.#message.id
  }

  get isGone() {
    return this.fault?.kind === "conversation_gone"
  }

  /** The message as it is now. */
  get message() {
    const { owner, ...message } = this.#message
    const answer = this.#answer?.record?.() ?? this.#answer
    const written = answer ? { ...message, text: answer.text, thought: answer.thought, answer } : message
    return this.#hasEnded ? { ...written, state: endOf(answer) } : { ...written, owner, savedAt: Date.now() }
  }

  /** Takes a Generation or its record: cheap, so that it can be called at every chunk. */
  update(answer) {
    if (this.#hasEnded) return
    this.#answer = answer
    this.#isDirty = true
    this.#saveSoon()
  }

  /** Saves the whole answer. Gives the stored message, or rejects with Fault "conversation_gone". */
  async end(answer = this.#answer) {
    this.#answer = answer
    this.#hasEnded = true
    clearTimeout(this.#timer)
    await this.#saving
    try {
      return await this.#conversations.put(this.message, { isUpdate: this.isSaved })
    } finally {
      this.#conversations.unfollow(this)
    }
  }

  #saveSoon() {
    if (this.#saving || this.isGone) return
    const wait = this.#savedAt + PAUSE_MS - performance.now()
    if (wait <= 0) this.#save()
    else this.#timer ||= setTimeout(() => this.#save(), wait)
  }

  #save() {
    clearTimeout(this.#timer)
    this.#timer = 0
    this.#savedAt = performance.now()
    this.#isDirty = false
    this.#saving = this.#conversations
      .put(this.message, { isUpdate: this.isSaved, durability: "relaxed" })
      .then(
        () => (this.isSaved = true),
        (fault) => this.#fail(fault),
      )
      .then(() => {
        this.#saving = null
        if (this.#isDirty && !this.#hasEnded) this.#saveSoon()
      })
  }

  #fail(fault) {
    this.fault = fault
    this.#conversations.unfollow(this)
    this.dispatchEvent(new Event("gone"))
  }
}
