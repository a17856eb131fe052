import Tree from "./tree.js"

/**
 * One conversation as it is looked at: its messages, kept in step with what this tab and others write. Says "change".
 * A message that has not changed stays the same object, so that nobody draws it anew.
 */
export default class Thread extends EventTarget {
  #conversations
  #isStale = true
  #staleMessages = new Set()
  #isTreeStale = true
  #isReading = false
  #forget = new AbortController()
  conversation = null
  tree = new Tree()
  path = []
  isLoaded = false

  constructor(conversations, id) {
    super()
    this.#conversations = conversations
    this.id = id
    conversations.addEventListener("change", ({ detail }) => this.#hear(detail), { signal: this.#forget.signal })
    this.#read()
  }

  /** Somebody has deleted it, or it never was. */
  get isGone() {
    return this.isLoaded && !this.conversation
  }

  close() {
    this.#forget.abort()
  }

  #hear({ what, id, messageId }) {
    if (what === "fault" || (id !== undefined && id !== this.id)) return
    if (what === "message" && this.#isLive(messageId)) return
    this.#isStale = true
    if (what === "message") this.#staleMessages.add(messageId)
    else if (what !== "changed") this.#isTreeStale = true
    this.#read()
  }

  /** Its Generation is on show already, and knows more than what was saved of it. */
  #isLive(messageId) {
    return (
      this.tree.get(messageId)?.state === "streaming" &&
      this.#conversations.draft(messageId)?.message.state === "streaming"
    )
  }

  async #read() {
    if (this.#isReading) return
    this.#isReading = true
    while (this.#isStale && !this.#forget.signal.aborted) await this.#readOnce()
    this.#isReading = false
  }

  async #readOnce() {
    const ids = [...this.#staleMessages]
    const isWhole = this.#isTreeStale
    this.#isStale = this.#isTreeStale = false
    this.#staleMessages.clear()
    const [conversation, tree, messages] = await Promise.all([
      this.#conversations.get(this.id),
      isWhole ? this.#conversations.tree(this.id) : this.tree,
      Promise.all(isWhole ? [] : ids.map((id) => this.#conversations.message(id))),
    ])
    for (const message of messages) if (message) tree.add(message)
    if (tree !== this.tree) tree.messages.map((message) => tree.add(this.#known(message)))
    this.conversation = conversation ?? null
    this.tree = tree
    this.path = tree.path(conversation?.head)
    this.isLoaded = true
    this.dispatchEvent(new Event("change"))
  }

  #known(message) {
    const known = this.tree.get(message.id)
    const isSame =
      known && known.text === message.text && known.state === message.state && known.parentId === message.parentId
    return isSame ? known : message
  }
}
