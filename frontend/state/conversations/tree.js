/** All messages of a conversation. Every message knows its parent; edit and retry make siblings, so it branches. */
export default class Tree {
  #messages = new Map()
  #children = null

  constructor(messages = []) {
    for (const message of messages) this.add(message)
  }

  /** Every message, oldest first. */
  get messages() {
    return [...this.#messages.values()].sort(inOrder)
  }

  get size() {
    return this.#messages.size
  }

  get(id) {
    return this.#messages.get(id)
  }

  /** Inserts a message, or takes the place of the one with its id. */
  add(message) {
    this.#messages.set(message.id, message)
    this.#children = null
  }

  /** Removes a message with all that follows it. Gives what is gone. */
  remove(id) {
    const gone = this.under(id)
    for (const message of gone) this.#messages.delete(message.id)
    this.#children = null
    return gone
  }

  /** From the first message to the head; without a known head, to the newest leaf. */
  path(head) {
    const path = []
    let message = this.get(head) ?? this.newestLeaf
    while (message) {
      path.push(message)
      message = this.parent(message)
    }
    return path.reverse()
  }

  parent(message) {
    return this.#messages.get(message.parentId)
  }

  /** What follows a message directly, oldest first; with null, the first messages. */
  children(message) {
    this.#children ??= this.#sorted()
    return this.#children.get(message?.id ?? null) ?? []
  }

  #sorted() {
    const children = new Map()
    for (const message of this.messages) {
      const parent = this.parent(message)?.id ?? null
      if (!children.has(parent)) children.set(parent, [])
      children.get(parent).push(message)
    }
    return children
  }

  /** The versions of a message, itself among them, oldest first. */
  siblings(message) {
    return this.children(this.parent(message))
  }

  /** The newest end of the branch that begins with a message. */
  leafUnder(message) {
    let leaf = message
    for (let next = message; next; next = this.children(next).at(-1)) leaf = next
    return leaf
  }

  get newestLeaf() {
    return this.messages.findLast((message) => this.children(message).length === 0)
  }

  /** A message with everything that follows it, parents first. */
  under(id) {
    const found = this.#messages.has(id) ? [this.get(id)] : []
    for (let at = 0; at < found.length; at++) found.push(...this.children(found[at]))
    return found
  }
}

/** By time; ids of one tab grow, which settles what happened in the same millisecond. */
function inOrder(one, other) {
  return one.createdAt - other.createdAt || (one.id < other.id ? -1 : 1)
}
