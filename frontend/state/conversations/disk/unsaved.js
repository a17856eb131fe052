/**
 * What this tab has and the disk has not (yet): every write begins here and leaves when it is on the disk. On a full
 * disk, or without one, it stays, and everything is read through it.
 */
export default class Unsaved {
  /** id → `{isNew, fields, derived}`: named fields that await the disk, and what unsaved messages do to others. */
  conversations = new Map()
  /** id → `{message, isFirst, isUpdate, isKept, durability}` */
  messages = new Map()

  isNew(conversationId) {
    return Boolean(this.conversations.get(conversationId)?.isNew)
  }

  add(conversation, itsMessages) {
    this.conversations.set(conversation.id, { isNew: true, fields: conversation, derived: {} })
    for (const message of itsMessages)
      this.messages.set(message.id, { message, isFirst: true, isUpdate: false, isKept: true })
  }

  change(id, fields) {
    const { isNew, fields: earlier, derived: all } = this.#entry(id)
    const derived = Object.fromEntries(Object.entries(all).filter(([name]) => !(name in fields)))
    this.conversations.set(id, { isNew, fields: { ...earlier, ...fields }, derived })
  }

  /** `isUpdate`: the disk has it already, so that its absence there means that somebody has deleted it. */
  put(message, { isUpdate = false, durability } = {}) {
    const isFirst = !this.messages.has(message.id)
    const entry = { message, isFirst, isUpdate: isUpdate && isFirst, isKept: false, durability }
    this.messages.set(message.id, entry)
    return entry
  }

  derive(id, fields) {
    const { derived, ...entry } = this.#entry(id)
    this.conversations.set(id, { ...entry, derived: { ...derived, ...fields } })
  }

  #entry(id) {
    return this.conversations.get(id) ?? { isNew: false, fields: {}, derived: {} }
  }

  /** A conversation as this tab sees it; undefined where there is none. */
  over(stored, id = stored?.id) {
    const { isNew, fields, derived } = this.#entry(id)
    return stored || isNew ? { ...stored, ...fields, ...derived } : undefined
  }

  of(conversationId) {
    return [...this.messages.values()].filter(({ message }) => message.conversationId === conversationId)
  }

  /** The entry is on the disk now. If another took its place meanwhile, that one still has to get there. */
  savedConversation(id, entry) {
    const { isNew: _, fields, derived } = this.#entry(id)
    this.conversations.set(id, { isNew: false, fields: fields === entry.fields ? {} : fields, derived })
    this.#settle(id)
  }

  savedMessage(entry) {
    const { id, conversationId } = entry.message
    if (this.messages.get(id) === entry) this.messages.delete(id)
    this.#settle(conversationId)
  }

  /** What the messages did to their conversation is on the disk with the last of them. */
  #settle(id) {
    const { isNew, fields } = this.#entry(id)
    if (isNew || this.of(id).length > 0) return
    if (Object.keys(fields).length > 0) this.conversations.set(id, { isNew, fields, derived: {} })
    else this.conversations.delete(id)
  }

  drop(conversationId) {
    this.conversations.delete(conversationId)
    this.dropMessages(this.of(conversationId).map(({ message }) => message.id))
  }

  dropMessages(ids) {
    for (const id of ids) this.messages.delete(id)
  }

  clear() {
    this.conversations.clear()
    this.messages.clear()
  }
}
