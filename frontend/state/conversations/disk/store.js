import Fault from "../../../fault.js"
import { touch } from "../message.js"
import Database from "./database.js"
import Unsaved from "./unsaved.js"

/**
 * Conversations and messages: on the disk where the browser has one for us and room on it, in this tab's memory
 * otherwise. Which of the two, `fault` tells: null, "storage_refused" or "storage_full"; says "fault" when it changes.
 */
export default class Store extends EventTarget {
  #database
  #unsaved = new Unsaved()
  #writing = Promise.resolve()
  #gone = new WeakSet()
  fault

  static async open(patience) {
    return new Store(await Database.open(patience))
  }

  constructor(database) {
    super()
    this.#database = database
    this.fault = database.isThere ? null : "storage_refused"
  }

  get isOnDisk() {
    return this.#database.isThere
  }

  // -- reading

  async conversations() {
    const stored = await this.#read(() => this.#database.conversations(), [])
    const known = new Set(stored.map(({ id }) => id))
    const fresh = [...this.#unsaved.conversations.keys()].filter((id) => this.#unsaved.isNew(id) && !known.has(id))
    return [...stored.map((one) => this.#unsaved.over(one)), ...fresh.map((id) => this.#unsaved.over(undefined, id))]
  }

  async conversation(id) {
    return this.#unsaved.over(await this.#read(() => this.#database.conversation(id)), id)
  }

  async messages(conversationId) {
    const stored = await this.#read(() => this.#database.messages(conversationId), [])
    const all = new Map(stored.map((message) => [message.id, message]))
    for (const { message } of this.#unsaved.of(conversationId)) all.set(message.id, message)
    return [...all.values()]
  }

  async message(id) {
    return this.#unsaved.messages.get(id)?.message ?? (await this.#read(() => this.#database.message(id)))
  }

  running() {
    return this.#read(() => this.#database.running(), [])
  }

  /** Messages that are in memory only, of conversations that are on the disk. */
  get pending() {
    const entries = [...this.#unsaved.messages.values()]
    return this.isOnDisk ? entries.filter(({ message }) => !this.#unsaved.isNew(message.conversationId)) : []
  }

  async #read(work, otherwise) {
    if (!this.isOnDisk) return otherwise
    try {
      return await work()
    } catch (fault) {
      this.#say(fault.kind)
      return otherwise
    }
  }

  // -- writing: what cannot be stored stays in memory; what belongs to something deleted is "conversation_gone"

  async add(conversation, messages = []) {
    this.#unsaved.add(conversation, messages)
    await this.#flush()
  }

  /** As `add`, but all or nothing: throws the Fault that keeps it from the disk. */
  async addToDisk(conversation, messages) {
    if (!this.isOnDisk) return this.add(conversation, messages)
    await this.#directly(() => this.#database.add(conversation, messages))
  }

  async change(id, fields) {
    if (!(await this.conversation(id))) throw new Fault("conversation_gone")
    this.#unsaved.change(id, fields)
    await this.#flush()
    if (!(await this.conversation(id))) throw new Fault("conversation_gone")
  }

  async put(message, options) {
    const entry = this.#unsaved.put(message, options)
    await this.#flush()
    if (this.#gone.has(entry)) throw new Fault("conversation_gone")
  }

  /** A change of a message on the disk, with nobody in between. Gives what was written, or null. */
  amend(message, change) {
    return this.#read(() => this.#database.amend(message, change, touch), undefined)
  }

  async remove(id) {
    this.#unsaved.drop(id)
    await this.#directly(() => this.#database.remove(id))
  }

  async clear() {
    this.#unsaved.clear()
    await this.#directly(() => this.#database.clear())
  }

  /** `choose(conversation, messages)` gives the `ids` of messages to delete, and `fields` to change with them. */
  async prune(id, choose) {
    const conversation = await this.conversation(id)
    if (!conversation) throw new Fault("conversation_gone")
    const { ids, fields } = choose(conversation, await this.messages(id))
    this.#unsaved.dropMessages(ids)
    if (this.#unsaved.conversations.has(id)) this.#unsaved.change(id, fields)
    if (!this.#unsaved.isNew(id)) await this.#directly(() => this.#database.prune(id, choose))
  }

  async #directly(work) {
    await this.#writing
    if (!this.isOnDisk) return
    try {
      await work()
    } catch (fault) {
      if (fault.kind !== "conversation_gone") this.#say(fault.kind)
      throw fault
    }
  }

  // -- from memory to the disk, one write after the other

  #flush() {
    this.#writing = this.#writing.then(() => this.#writeAll())
    return this.#writing
  }

  async #writeAll() {
    const faults = []
    for (const [id, entry] of [...this.#unsaved.conversations]) faults.push(await this.#writeConversation(id, entry))
    for (const entry of [...this.#unsaved.messages.values()]) faults.push(await this.#writeMessage(entry))
    if (this.isOnDisk) this.#say(faults.find(Boolean) ?? null)
  }

  /** Gives the kind of the fault that kept it from the disk, if one did. */
  async #writeConversation(id, entry) {
    const messages = this.#unsaved.of(id)
    if (this.#unsaved.conversations.get(id) !== entry) return null // another took its place
    if (!this.isOnDisk || (!entry.isNew && Object.keys(entry.fields).length === 0)) return null
    try {
      if (entry.isNew)
        await this.#database.add(
          { ...entry.fields, ...entry.derived },
          messages.map(({ message }) => message),
        )
      else await this.#database.change(id, entry.fields)
    } catch (fault) {
      if (fault.kind !== "conversation_gone") return fault.kind
      this.#unsaved.drop(id)
      return null
    }
    this.#unsaved.savedConversation(id, entry)
    if (entry.isNew) messages.forEach((one) => this.#unsaved.savedMessage(one))
    return null
  }

  async #writeMessage(entry) {
    const { message, isUpdate, durability } = entry
    if (this.#unsaved.messages.get(message.id) !== entry) return null // another took its place
    if (!this.isOnDisk || this.#unsaved.isNew(message.conversationId)) return this.#keepIfWelcome(entry)
    if (this.#unsaved.messages.has(message.parentId)) return this.#keep(entry) // never on the disk before its parent
    try {
      await this.#database.put(message, { isUpdate, durability, touch })
    } catch (fault) {
      if (fault.kind === "conversation_gone") return this.#refuse(entry)
      await this.#keep(entry)
      return fault.kind
    }
    this.#unsaved.savedMessage(entry)
    return null
  }

  async #keepIfWelcome(entry) {
    const {
      message: { conversationId, parentId },
      isUpdate,
    } = entry
    const isWelcome =
      !isUpdate && this.#unsaved.isNew(conversationId) && (parentId === null || this.#unsaved.messages.has(parentId))
    return isWelcome ? this.#keep(entry) : this.#refuse(entry)
  }

  async #keep(entry) {
    if (entry.isKept) return null
    entry.isKept = true
    const { message, isFirst, isUpdate } = entry
    const conversation = await this.conversation(message.conversationId)
    const isNew = isFirst && !isUpdate && !(await this.#read(() => this.#database.hasMessage(message.id), false))
    if (conversation) this.#unsaved.derive(message.conversationId, touch(conversation, message, isNew))
    return null
  }

  #refuse(entry) {
    this.#gone.add(entry)
    this.#unsaved.dropMessages([entry.message.id])
    return null
  }

  #say(fault) {
    if (fault === this.fault) return
    this.fault = fault
    this.dispatchEvent(new Event("fault"))
  }
}
