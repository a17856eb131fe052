import { blobOf } from "../../helpers/data_url.js"
import { newId } from "../../helpers/ids.js"

/**
 * "streaming" while its answer runs in some tab; an answer ends "whole", at the "length" limit, "stopped" by the reader,
 * "cut" by a broken connection or a closed page, or "failed" before its first word.
 */
export const STATES = ["whole", "streaming", "length", "stopped", "cut", "failed"]

/** The state in which an answer has ended; one that was still running, or never began, was cut. */
export function endOf(answer) {
  const state = answer?.phase === "done" ? "whole" : answer?.phase
  return state !== "streaming" && STATES.includes(state) ? state : "cut"
}

/** A message as it is stored: known fields only, images as Blobs, and its texts once (the answer's are the message's own). */
export function storable(message) {
  const {
    id = newId(),
    conversationId,
    parentId = null,
    role,
    text = "",
    createdAt = Date.now(),
    state = "whole",
  } = message
  const stored = { id, conversationId, parentId, role, text, createdAt, state }
  if (message.thought) stored.thought = message.thought
  if (message.images?.length) stored.images = message.images.map(storableImage)
  if (message.answer) {
    const { text: _, thought: __, ...answer } = message.answer
    stored.answer = answer
  }
  if (message.owner) Object.assign(stored, { owner: message.owner, savedAt: message.savedAt })
  return stored
}

function storableImage({ id = newId(), type, width, height, blob, dataUrl }) {
  const content = blob ?? blobOf(dataUrl)
  return { id, type: content?.type ?? type, width, height, bytes: content?.size ?? 0, blob: content }
}

/** A stored message as the views read it: its answer is a whole record again. */
export function revived(stored) {
  if (!stored?.answer) return stored
  return { ...stored, answer: { ...stored.answer, text: stored.text, thought: stored.thought ?? "" } }
}

/** A message whose answer nobody writes any more, with all its text. */
export function cutOff({ owner: _, savedAt: __, ...message }) {
  const answer = message.answer && { ...message.answer, phase: "cut" }
  return { ...message, state: "cut", ...(answer && { answer }) }
}

const TITLE_LENGTH = 60

/** A conversation's title by itself: the first line of its first question, cut at a word. */
export function titleFrom(text) {
  const line = text.split(/[\r\n]+/).find((one) => one.trim()) ?? ""
  const characters = [...line.trim().replace(/\s+/g, " ")]
  if (characters.length <= TITLE_LENGTH) return characters.join("")
  const start = characters.slice(0, TITLE_LENGTH - 1).join("")
  const atWord = start.replace(/\s\S*$/, "")
  return `${(atWord || start).replace(/[\s,;:.–—-]+$/, "")}…`
}

/**
 * What a written or deleted message does to its conversation: `isNew` ones become its head, the first question its title.
 * `updatedAt` always grows, so that the same time means the same messages.
 */
export function touch(conversation, message, isNew = false) {
  const fields = { updatedAt: Math.max(conversation.updatedAt + 1, Date.now()) }
  if (isNew) fields.head = message.id
  if (!conversation.title && message?.role === "user") fields.title = titleFrom(message.text)
  return fields
}
