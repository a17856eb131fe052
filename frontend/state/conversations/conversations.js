import Fault from "../../fault.js"
import { contentOf } from "../../helpers/file_content.js"
import { newId } from "../../helpers/ids.js"
import Search from "../../helpers/search.js"
import Rescue, { reconciled } from "./disk/rescue.js"
import Store from "./disk/store.js"
import { markdownFile } from "./files/markdown_file.js"
import { exportFrom, importInto, importMarkdownInto } from "./files/transfer.js"
import { cutOff, revived, storable, titleFrom, touch } from "./message.js"
import Tabs from "./tabs.js"
import Tree from "./tree.js"

const GONE_AFTER_MS = 5000
const LONGEST_TITLE = 300
const CHANGEABLE = ["title", "system", "model", "parameters", "answersInFrench", "head"]

/**
 * The reader's conversations, kept in their browser. Says "change" with `detail: {what, id, messageId, isElsewhere}`;
 * `what` is "added", "changed", "message", "removed", "messages_removed", "everything" or "fault".
 *
 * `fault` is null, "storage_refused" or "storage_full": then what cannot be stored stays in this tab's memory, and works.
 */
export default class Conversations extends EventTarget {
  #store
  #tabs = new Tabs()
  #drafts = new Set()
  #texts = new Map()
  #rescue = new Rescue(this.#tabs.id)
  #watch = 0

  /** Never rejects, and answers within some seconds whatever the browser does. */
  static async open({ patience } = {}) {
    const conversations = new Conversations(await Store.open(patience))
    await conversations.#recover()
    return conversations
  }

  constructor(store) {
    super()
    this.#store = store
    store.addEventListener("fault", () => this.#dispatch({ what: "fault" }))
    this.#tabs.addEventListener("told", ({ detail }) => {
      this.#dispatch({ ...detail, isElsewhere: true })
      if (detail.isRunning) this.#watchOthers()
    })
    addEventListener("pagehide", () => this.#putAside(true))
    document.addEventListener("visibilitychange", () => this.#putAside(false))
  }

  get fault() {
    return this.#store.fault
  }

  /** This document, as the owner of its running answers. */
  get tab() {
    return this.#tabs.id
  }

  // -- reading

  /**
   * Newest first. With a search, those whose title or whose one message has all its words, each with the `excerpt` of
   * the first message that has them, as `{before, match, after}`, or null.
   */
  async list(search = "") {
    const wanted = new Search(search)
    const all = await this.#store.conversations()
    if (wanted.isEmpty) this.#texts.clear()
    const found = wanted.isEmpty ? all : await this.#search(all, wanted)
    return found.sort((one, other) => other.updatedAt - one.updatedAt || (one.id < other.id ? 1 : -1))
  }

  async #search(all, wanted) {
    const found = await Promise.all(all.map(async (one) => wanted.among(one, await this.#textsOf(one))))
    return found.filter(Boolean)
  }

  /** Reading everything takes a second where there is much; the next letter of the search must not. */
  async #textsOf({ id, updatedAt }) {
    const known = this.#texts.get(id)
    if (known?.updatedAt === updatedAt) return known.messages
    const messages = (await this.#store.messages(id)).map(({ text, createdAt }) => ({ text, createdAt }))
    this.#texts.set(id, { updatedAt, messages })
    return messages
  }

  get(id) {
    return this.#store.conversation(id)
  }

  /** Every message of a conversation; those whose answer runs in this tab as they are at this moment. */
  async tree(id) {
    const messages = await this.#store.messages(id)
    return new Tree(messages.map((message) => this.draft(message.id)?.message ?? revived(message)))
  }

  async message(id) {
    return this.draft(id)?.message ?? revived(await this.#store.message(id))
  }

  /** The Draft that writes a message in this tab, if one does. */
  draft(messageId) {
    return [...this.#drafts].find(({ id }) => id === messageId)
  }

  // -- writing

  async create({ title = "", system = "", model = "", parameters = {}, answersInFrench = false } = {}) {
    const now = Date.now()
    return this.#add({
      id: newId(),
      title: oneLine(title),
      isTitled: oneLine(title) !== "",
      system,
      model,
      parameters,
      answersInFrench,
      createdAt: now,
      updatedAt: now,
      head: null,
    })
  }

  /** Takes a deletion back: a conversation as it was, with its messages. */
  restore(conversation, messages) {
    return this.#add(conversation, messages.map(storable))
  }

  /** Changes the named fields, and no others. An empty title gives the automatic one back. */
  async change(id, fields) {
    const changed = Object.fromEntries(CHANGEABLE.filter((name) => name in fields).map((name) => [name, fields[name]]))
    if ("title" in changed) {
      changed.title = oneLine(changed.title)
      changed.isTitled = changed.title !== ""
      if (!changed.isTitled)
        changed.title = titleFrom((await this.tree(id)).messages.find(({ role }) => role === "user")?.text ?? "")
    }
    await this.#store.change(id, changed)
    this.#tell({ what: "changed", id })
    return this.get(id)
  }

  /**
   * Inserts a message, which becomes its conversation's head, or replaces the one with its id. Gives it as it is stored.
   * Rejects with Fault "conversation_gone" when its conversation or its parent was deleted; with `isUpdate`, itself.
   */
  async put(message, options) {
    const stored = storable(message)
    await this.#store.put(stored, options)
    this.#tell({
      what: "message",
      id: stored.conversationId,
      messageId: stored.id,
      isRunning: stored.state === "streaming",
    })
    return revived(stored)
  }

  async remove(id) {
    await this.#store.remove(id)
    this.#tell({ what: "removed", id })
  }

  async removeAll() {
    this.#rescue.forgetAll()
    await this.#store.clear()
    this.#tell({ what: "everything" })
  }

  /** Deletes a message with all that follows it. A head among them moves to what is nearest. Gives the conversation. */
  async removeMessage(id, messageId) {
    await this.#store.prune(id, (conversation, messages) => {
      const tree = new Tree(messages)
      const message = tree.get(messageId)
      const parent = message && tree.parent(message)
      const ids = tree.remove(messageId).map((one) => one.id)
      const nearest = tree.children(parent).at(-1)
      const head = (nearest ? tree.leafUnder(nearest) : parent)?.id ?? null
      return { ids, fields: { ...touch(conversation), ...(ids.includes(conversation.head) && { head }) } }
    })
    this.#tell({ what: "messages_removed", id })
    return this.get(id)
  }

  /** A new conversation that holds a copy of everything up to a message. */
  async branch(id, messageId) {
    const source = await this.get(id)
    if (!source) throw new Fault("conversation_gone")
    const now = Date.now()
    const copy = { ...source, id: newId(), createdAt: now, updatedAt: now, head: null }
    const messages = []
    for (const message of (await this.tree(id)).path(messageId)) {
      const whole = message.owner ? cutOff(message) : message
      messages.push(storable({ ...whole, id: newId(), conversationId: copy.id, parentId: copy.head }))
      copy.head = messages.at(-1).id
    }
    return this.#add(copy, messages)
  }

  async #add(conversation, messages) {
    await this.#store.add(conversation, messages)
    this.#tell({ what: "added", id: conversation.id })
    return this.get(conversation.id)
  }

  // -- files

  /** The conversations with these ids, or all, as an object for JSON.stringify. */
  exportJson(ids) {
    return exportFrom(this.#store, ids)
  }

  /** Gives `{added, skipped, faults}`; throws the Fault of a file that is not one of ours, or too large. */
  async importJson(file) {
    try {
      return await importInto(this.#store, file)
    } finally {
      this.#tell({ what: "everything" })
    }
  }

  /** What is shown of a conversation, as Markdown; `labels` as in markdown_file.js. */
  async exportMarkdown(id, labels) {
    const conversation = await this.get(id)
    if (!conversation) throw new Fault("conversation_gone")
    return markdownFile(conversation, (await this.tree(id)).path(conversation.head), labels)
  }

  /** Gives the conversation that a Markdown file of ours holds. */
  async importMarkdown(text) {
    const id = await importMarkdownInto(this.#store, text)
    this.#tell({ what: "added", id })
    return this.get(id)
  }

  /** A File or Blob of either kind. Gives `{added, skipped, faults}`. */
  async importFile(file) {
    const content = await contentOf(file)
    if (typeof content !== "string") return this.importJson(content)
    await this.importMarkdown(content)
    return { added: 1, skipped: 0, faults: [] }
  }

  // -- room

  /** `{bytes, quota, isPersisted}` of all that this site stores; null for what the browser does not tell. */
  async estimate() {
    const [room, isPersisted] = await Promise.all(
      [navigator.storage?.estimate?.(), navigator.storage?.persisted?.()].map(orNull),
    )
    return { bytes: room?.usage ?? null, quota: room?.quota ?? null, isPersisted }
  }

  /** Asks the browser never to evict what is stored. Gives whether it agrees; null where it cannot be asked. */
  askToPersist() {
    return orNull(navigator.storage?.persist?.())
  }

  // -- running answers

  /** Called by a Draft, so that its answer is put aside when the page goes. */
  follow(draft) {
    this.#drafts.add(draft)
  }

  unfollow(draft) {
    this.#drafts.delete(draft)
    this.#putAside(false)
  }

  /** A page that goes keeps copies of what may not be on the disk; one that is looked at needs none. */
  #putAside(isFarewell) {
    if (!isFarewell && !document.hidden) return this.#rescue.forget()
    if (!this.#store.isOnDisk) return
    const drafts = [...this.#drafts].map((draft) => ({ message: storable(draft.message), isSaved: draft.isSaved }))
    const isDraft = new Set(drafts.map(({ message }) => message.id))
    const others = this.#store.pending.filter(({ message }) => !isDraft.has(message.id))
    this.#rescue.keep(
      [...drafts, ...others.map(({ message, isUpdate }) => ({ message, isSaved: isUpdate }))],
      isFarewell,
    )
  }

  async #recover() {
    if (!this.#store.isOnDisk) return
    for (const { key, copies } of Rescue.found()) {
      const results = []
      for (const copy of copies)
        results.push(await this.#store.amend(copy.message, (stored) => reconciled(stored, copy)))
      if (!results.includes(undefined)) this.#rescue.forget(key) // undefined: the disk failed, so the copy is still needed
    }
    const running = await this.#store.running()
    for (const message of running) if (message.owner === this.#tabs.previous) await this.#cut(message)
    if (running.length > 0) this.#settle()
  }

  #watchOthers() {
    this.#watch ||= setTimeout(() => {
      this.#watch = 0
      this.#settle()
    }, GONE_AFTER_MS)
  }

  /** Cuts off the answers of tabs that are gone: not there at a roll call, and silent for some seconds. */
  async #settle() {
    const others = (await this.#store.running()).filter(({ owner }) => owner !== this.tab)
    if (others.length === 0) return
    const present = await this.#tabs.rollCall()
    for (const message of others) {
      const isSilent = Math.abs(Date.now() - message.savedAt) > GONE_AFTER_MS
      if (isSilent && !present.has(message.owner)) await this.#cut(message)
    }
    this.#watchOthers()
  }

  async #cut(message) {
    const isSame = (stored) => stored?.owner === message.owner && stored.savedAt === message.savedAt
    if (await this.#store.amend(message, (stored) => (isSame(stored) ? cutOff(stored) : null))) {
      this.#tell({ what: "message", id: message.conversationId, messageId: message.id })
    }
  }

  // -- telling

  #tell(detail) {
    this.#dispatch({ ...detail, isElsewhere: false })
    this.#tabs.tell(detail)
  }

  #dispatch(detail) {
    this.dispatchEvent(new CustomEvent("change", { detail }))
  }
}

/** A title is one line, and not endless. */
function oneLine(text) {
  return text.trim().replace(/\s+/g, " ").slice(0, LONGEST_TITLE)
}

async function orNull(promise) {
  try {
    return (await promise) ?? null
  } catch {
    return null // only secure contexts have it, and not all of them
  }
}
