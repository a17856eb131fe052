import { cutOff } from "../message.js"

const PREFIX = "passerelle.rescue."
const MOST_CHARACTERS = 2_000_000 // of the five million that localStorage has for everything

/**
 * Copies of what a tab has not on the disk when its page goes. IndexedDB cannot be relied on then; localStorage can,
 * since it writes at once. Each tab has its own entry, so that tabs never meet in one.
 */
export default class Rescue {
  #key

  constructor(tab) {
    this.#key = PREFIX + tab
  }

  /**
   * `copies`: `[{message, isSaved}]`, of which the newest are kept, as many as fit. `isFarewell`: the page goes now, so
   * that nobody writes these any more.
   */
  keep(copies, isFarewell) {
    const kept = []
    let size = 0
    for (const {
      message: { images: _, ...message },
      isSaved,
    } of copies.toSorted(newestFirst)) {
      size += JSON.stringify(message).length + 100
      if (size > MOST_CHARACTERS) break
      kept.push({ message, isSaved, isFarewell })
    }
    if (kept.length > 0) this.#write(kept, size)
    else this.forget(this.#key)
  }

  /** The oldest entries of others make room. A browser without localStorage keeps nothing here. */
  #write(kept, size) {
    const others = entries().filter(({ key }) => key !== this.#key)
    while (others.length > 0 && others.reduce((sum, { value }) => sum + value.length, size) > MOST_CHARACTERS) {
      this.forget(others.shift().key)
    }
    for (;;) {
      try {
        return localStorage.setItem(this.#key, `${Date.now()} ${JSON.stringify(kept)}`)
      } catch {
        if (others.length > 0) this.forget(others.shift().key)
        else if (kept.length > 1) kept.pop()
        else return this.forget(this.#key)
      }
    }
  }

  /** What was rescued, oldest first: `[{key, copies: [{message, isSaved, isFarewell}]}]`. */
  static found() {
    return entries().map(({ key, value }) => ({ key, copies: readCopies(value) }))
  }

  forget(key = this.#key) {
    try {
      localStorage.removeItem(key)
    } catch {
      // nothing is there that could be removed
    }
  }

  forgetAll() {
    for (const { key } of entries()) this.forget(key)
  }
}

/** What becomes of a stored message (undefined: there is none) in the light of its rescued copy; null: it stays as it is. */
export function reconciled(stored, { message, isSaved, isFarewell }) {
  const ended = isFarewell && message.state === "streaming" ? cutOff(message) : message
  if (!stored) return isSaved ? null : ended // once saved and not there any more: it was deleted
  if (!["streaming", "cut"].includes(stored.state)) return null
  if (lengthOf(message) > lengthOf(stored)) return { ...ended, ...(stored.images && { images: stored.images }) }
  const isLeft = isFarewell && stored.owner !== undefined && stored.owner === message.owner
  return isLeft ? cutOff(stored) : null
}

function lengthOf({ text, thought = "" }) {
  return text.length + thought.length
}

function entries() {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX))
    const found = keys.map((key) => ({ key, value: localStorage.getItem(key) ?? "" }))
    return found.sort((one, other) => parseInt(one.value, 10) - parseInt(other.value, 10))
  } catch {
    return []
  }
}

function readCopies(value) {
  try {
    const copies = JSON.parse(value.slice(value.indexOf(" ")))
    return copies.filter(({ message }) => isMessage(message))
  } catch {
    return []
  }
}

function isMessage({ id, conversationId, parentId, text }) {
  return [id, conversationId, parentId ?? "", text].every((value) => typeof value === "string")
}

function newestFirst({ message: one }, { message: other }) {
  return (other.savedAt ?? other.createdAt) - (one.savedAt ?? one.createdAt)
}
