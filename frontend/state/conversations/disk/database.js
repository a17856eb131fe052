import Fault from "../../../fault.js"
import { vendored } from "../../../helpers/vendored.js"

const NAME = "passerelle"
const PATIENCE_MS = 5000

/** UPGRADES[n] leads from version n to n + 1. A version that was once released is never changed. */
const UPGRADES = [
  (database) => {
    database.createObjectStore("conversations", { keyPath: "id" })
    const messages = database.createObjectStore("messages", { keyPath: "id" })
    messages.createIndex("conversationId", "conversationId")
    messages.createIndex("owner", "owner") // of running answers only: nothing else has an owner
  },
]

/**
 * The conversations on the reader's disk. Every method is one transaction; a failed one leaves everything as it was
 * and rejects with Fault "storage_full", "storage_refused" or "conversation_gone".
 */
export default class Database {
  #opening
  isThere = false

  /** Never rejects: a browser that refuses storage, or never answers, gives a database that is not there. */
  static async open(patience = PATIENCE_MS) {
    const database = new Database()
    database.#opening = connect(database, patience)
    await database.#opening.then(
      () => (database.isThere = true),
      () => {},
    )
    return database
  }

  /** The browser closed the connection (erased data, a newer page in another tab): the next use opens it anew. */
  lose() {
    this.#opening = connect(this, PATIENCE_MS)
    this.#opening.catch(() => {})
  }

  conversations() {
    return this.#run("readonly", ({ conversations }) => conversations.getAll())
  }

  conversation(id) {
    return this.#run("readonly", ({ conversations }) => conversations.get(id))
  }

  message(id) {
    return this.#run("readonly", ({ messages }) => messages.get(id))
  }

  async hasMessage(id) {
    return (await this.#run("readonly", ({ messages }) => messages.getKey(id))) !== undefined
  }

  messages(conversationId) {
    return this.#run("readonly", ({ messages }) => messages.index("conversationId").getAll(conversationId))
  }

  /** The messages whose answer runs, or ran when its tab went. */
  running() {
    return this.#run("readonly", ({ messages }) => messages.index("owner").getAll())
  }

  add(conversation, itsMessages) {
    return this.#run("readwrite", async ({ conversations, messages }) => {
      await Promise.all([conversations.put(conversation), ...itsMessages.map((message) => messages.put(message))])
    })
  }

  change(id, fields) {
    return this.#run(
      "readwrite",
      async ({ conversations }) => {
        const stored = await conversations.get(id)
        if (!stored) throw new Fault("conversation_gone")
        await conversations.put({ ...stored, ...fields })
      },
      "strict",
    )
  }

  /**
   * Writes one message, and what it does to its conversation. `isUpdate`: it was stored before, so that its absence
   * means that somebody has deleted it.
   */
  put(message, { isUpdate = false, touch, durability = "strict" }) {
    return this.#run(
      "readwrite",
      async ({ conversations, messages }) => {
        const { conversationId, id, parentId } = message
        const [conversation, known, parent] = await Promise.all([
          conversations.get(conversationId),
          messages.getKey(id),
          parentId === null ? true : messages.getKey(parentId),
        ])
        if (!conversation || !parent || (isUpdate && !known)) throw new Fault("conversation_gone")
        await Promise.all([
          messages.put(message),
          conversations.put({ ...conversation, ...touch(conversation, message, !known) }),
        ])
      },
      durability,
    )
  }

  /** Reads a message and writes what `change` makes of it (null: leave it), with nobody in between. Gives what it wrote. */
  amend({ id, conversationId, parentId }, change, touch = () => ({})) {
    return this.#run("readwrite", async ({ conversations, messages }) => {
      const [conversation, stored, parent] = await Promise.all([
        conversations.get(conversationId),
        messages.get(id),
        parentId === null ? true : messages.getKey(parentId),
      ])
      const changed = conversation && parent ? change(stored) : null
      if (!changed) return null
      await Promise.all([
        messages.put(changed),
        conversations.put({ ...conversation, ...touch(conversation, changed, !stored) }),
      ])
      return changed
    })
  }

  remove(id) {
    return this.#run("readwrite", async ({ conversations, messages }) => {
      const keys = await messages.index("conversationId").getAllKeys(id)
      await Promise.all([conversations.delete(id), ...keys.map((key) => messages.delete(key))])
    })
  }

  /** Removes what `choose` picks from a conversation's messages, and changes the conversation as it says. */
  prune(conversationId, choose) {
    return this.#run("readwrite", async ({ conversations, messages }) => {
      const [conversation, stored] = await Promise.all([
        conversations.get(conversationId),
        messages.index("conversationId").getAll(conversationId),
      ])
      if (!conversation) throw new Fault("conversation_gone")
      const { ids, fields } = choose(conversation, stored)
      await Promise.all([conversations.put({ ...conversation, ...fields }), ...ids.map((id) => messages.delete(id))])
    })
  }

  clear() {
    return this.#run("readwrite", ({ conversations, messages }) =>
      Promise.all([conversations.clear(), messages.clear()]),
    )
  }

  async #run(mode, work, durability = "relaxed") {
    let done
    try {
      const transaction = (await this.#opening).transaction(["conversations", "messages"], mode, { durability })
      done = transaction.done.catch((error) => error)
      const result = await work({
        conversations: transaction.objectStore("conversations"),
        messages: transaction.objectStore("messages"),
      }).catch((error) => {
        if (error instanceof Fault) transaction.abort()
        throw error
      })
      const failed = await done
      if (failed) throw failed
      return result
    } catch (error) {
      throw error instanceof Fault ? error : storageFault(error, await done)
    }
  }
}

/** What a request says is often only that its transaction was aborted; the transaction knows why. */
function storageFault(...errors) {
  const isFull = errors.some((error) => error?.name === "QuotaExceededError")
  return new Fault(isFull ? "storage_full" : "storage_refused", errors[0]?.name ?? "")
}

async function connect(database, patience) {
  const late = new Promise((_, reject) =>
    setTimeout(() => reject(new Fault("storage_refused", "TimeoutError")), patience),
  )
  const connection = openAnyTime(database)
  connection.catch(() => {})
  try {
    return await Promise.race([connection, late])
  } catch (error) {
    connection.then(
      (opened) => opened.close(),
      () => {},
    )
    throw new Fault("storage_refused", error.detail || error.name)
  }
}

async function openAnyTime(database) {
  const { openDB } = await vendored("idb", () => import("idb"))
  const connection = await openDB(NAME, UPGRADES.length, {
    upgrade: (opened, from) => UPGRADES.slice(from).forEach((upgrade) => upgrade(opened)),
    blocking: () => {
      connection.close()
      database.lose()
    },
    terminated: () => database.lose(),
  })
  return connection
}
