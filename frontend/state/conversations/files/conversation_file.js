import { FAULTS } from "../../../fault.js"
import * as check from "../../../helpers/checks.js"
import { blobOf, dataUrlOf } from "../../../helpers/data_url.js"
import { newId } from "../../../helpers/ids.js"
import { checked } from "../../settings/parameters.js"
import { endOf, STATES } from "../message.js"

const FORMAT = "passerelle-conversations"
const VERSION = 1
const MOST = {
  conversations: 10_000,
  messages: 100_000,
  characters: 10_000_000,
  name: 1000,
  images: 32,
  pixels: 100_000,
}
const LAST_TIME = 8.64e15

/** What a file of `conversations` holds: `[{conversation, messages}]`, with images as data URLs. */
export async function exchangeFile(conversations) {
  const written = []
  for (const one of conversations) written.push(await exported(one))
  return { format: FORMAT, version: VERSION, exportedAt: new Date().toISOString(), conversations: written }
}

async function exported({ conversation, messages }) {
  return { ...conversation, messages: await Promise.all(messages.map(exportedMessage)) }
}

async function exportedMessage({ conversationId: _, owner: __, savedAt: ___, answer, ...message }) {
  const { text: ____, thought: _____, ...figures } = answer ?? {}
  const images =
    message.images &&
    (await Promise.all(
      message.images.map(async ({ type, width, height, bytes, blob }) => ({
        type,
        width,
        height,
        bytes,
        dataUrl: await dataUrlOf(blob),
      })),
    ))
  return { ...message, ...(images && { images }), ...(answer && { answer: figures }) }
}

/**
 * Reads a parsed file that anybody may have written. Gives `found: [{conversation, messages}]`, with new ids throughout,
 * and `faults` for the conversations that are damaged; throws a Fault where the whole is not what it should be.
 */
export function readExchangeFile(file) {
  const { format, version, conversations } = typeof file === "object" && file !== null ? file : {}
  if (format !== FORMAT) throw check.importFault("import_foreign", "format")
  if (version !== VERSION) throw check.importFault(version > VERSION ? "import_newer" : "import_wrong", "version")
  check.list(conversations, "conversations", MOST.conversations)
  const count = conversations.reduce((sum, one) => sum + (Array.isArray(one?.messages) ? one.messages.length : 0), 0)
  if (count > MOST.messages) throw check.importFault("import_too_large", "messages")
  const found = []
  const faults = []
  conversations.forEach((one, index) => {
    try {
      found.push(readConversation(one, `conversations[${index}]`))
    } catch (fault) {
      faults.push(fault)
    }
  })
  return { found, faults }
}

export function readConversation(value, place) {
  const { title, isTitled, system, model, parameters, answersInFrench, createdAt, updatedAt, head, messages } =
    check.object(value, place)
  const name = check
    .orElse(title, "", (one) => check.text(one, `${place}.title`, MOST.name))
    .trim()
    .replace(/\s+/g, " ")
  const id = newId()
  const { read, ids } = readMessages(check.list(messages, `${place}.messages`, MOST.messages), `${place}.messages`, id)
  const conversation = {
    id,
    title: name,
    isTitled: name !== "" && isTitled === true,
    system: check.orElse(system, "", (one) => check.text(one, `${place}.system`, MOST.characters)),
    model: check.orElse(model, "", (one) => check.text(one, `${place}.model`, MOST.name)),
    parameters: checked(parameters),
    answersInFrench: answersInFrench === true,
    createdAt: check.number(createdAt, `${place}.createdAt`, LAST_TIME),
    updatedAt: Math.min(
      Date.now(),
      check.orElse(updatedAt, createdAt, (one) => check.number(one, `${place}.updatedAt`)),
    ),
    head: ids.get(head) ?? null,
  }
  return { conversation, messages: read }
}

/** In order of time, as a Tree has them: new ids grow, and so keep that order. Of two with one id, the first is meant. */
function readMessages(values, place, conversationId) {
  const checkedOnes = values.map((value, index) => readMessage(value, `${place}[${index}]`))
  checkedOnes.sort((one, other) => one.message.createdAt - other.message.createdAt)
  const ids = new Map()
  for (const one of checkedOnes) {
    one.message.id = newId()
    if (!ids.has(one.id)) ids.set(one.id, one.message.id)
  }
  for (const { message, parentId } of checkedOnes) message.parentId = ids.get(parentId) ?? null
  const read = checkedOnes.map(({ message }) => ({ ...message, conversationId }))
  breakCycles(read)
  return { read, ids }
}

/** A message that is its own ancestor begins the conversation anew: nothing is lost, and every walk to the root ends. */
function breakCycles(messages) {
  const byId = new Map(messages.map((message) => [message.id, message]))
  const sound = new Set()
  for (const message of messages) {
    const walk = new Set()
    let one = message
    while (one && !sound.has(one)) {
      walk.add(one)
      const parent = byId.get(one.parentId)
      if (walk.has(parent)) one.parentId = null
      one = walk.has(parent) ? null : parent
    }
    for (const walked of walk) sound.add(walked)
  }
}

function readMessage(value, place) {
  const { id, parentId, role, text, thought, images, createdAt, state, answer } = check.object(value, place)
  const read = orNothing(answer, (one) => readAnswer(one, `${place}.answer`))
  const told = check.orElse(state, "whole", (one) => check.choice(one, `${place}.state`, STATES))
  const message = {
    id: null,
    parentId: null,
    role: check.choice(role, `${place}.role`, ["user", "assistant"]),
    text: check.text(text, `${place}.text`, MOST.characters),
    createdAt: check.number(createdAt, `${place}.createdAt`, LAST_TIME),
    state: told === "streaming" ? endOf(read) : told,
  }
  if (thought) message.thought = check.text(thought, `${place}.thought`, MOST.characters)
  if (images?.length)
    message.images = check
      .list(images, `${place}.images`, MOST.images)
      .map((one, at) => readImage(one, `${place}.images[${at}]`))
  if (read) message.answer = read
  return {
    id: check.text(id, `${place}.id`, MOST.name),
    parentId: orNothing(parentId, (one) => check.text(one, `${place}.parentId`, MOST.name)),
    message,
  }
}

function readImage(value, place) {
  const { width, height, dataUrl } = check.object(value, place)
  if (typeof dataUrl !== "string") throw check.importFault("import_wrong", place)
  const blob = blobOf(dataUrl)
  if (!blob) throw check.importFault("import_wrong", place)
  const side = (one, name) => check.orElse(one, 0, (number) => check.number(number, `${place}.${name}`, MOST.pixels))
  return { type: blob.type, width: side(width, "width"), height: side(height, "height"), bytes: blob.size, dataUrl }
}

const ANSWER = {
  phase: (one, place) =>
    ["done", "length", "stopped", "cut", "failed"].includes(check.text(one, place, MOST.name)) ? one : "cut",
  thoughtMs: check.number,
  elapsedMs: check.number,
  finishReason: name,
  usage: (one, place) => fields(one, place, { input_tokens: check.number, output_tokens: check.number }),
  isEstimated: check.boolean,
  model: name,
  host: name,
  backend: name,
  isDemo: check.boolean,
  maxTokens: check.number,
  ttft: check.number,
  tokensPerSecond: check.number,
  fault: (one, place) => fields(one, place, { kind: faultKind, detail: name }),
  createdAt: check.number,
}

function readAnswer(value, place) {
  return { phase: "cut", ...fields(value, place, ANSWER) }
}

/** Only the named fields; what is null stays null. */
function fields(value, place, table) {
  const source = check.object(value, place)
  const known = Object.keys(table).filter((name) => Object.hasOwn(source, name))
  return Object.fromEntries(
    known.map((name) => [name, orNothing(source[name], (one) => table[name](one, `${place}.${name}`))]),
  )
}

function name(value, place) {
  return check.text(value, place, MOST.name)
}

function faultKind(value, place) {
  return Object.hasOwn(FAULTS, check.text(value, place, MOST.name)) ? value : "unknown"
}

function orNothing(value, read) {
  return check.orElse(value, null, read)
}

/** The same for two conversations that say the same, whatever their ids. */
export function signature({ conversation, messages }) {
  const { id: _, head: __, updatedAt: ___, ...said } = conversation
  const places = new Map(messages.map(({ id }, index) => [id, index]))
  return JSON.stringify([
    said,
    messages.map(({ id: ____, conversationId: _____, parentId, ...message }) => [
      places.get(parentId) ?? null,
      message,
    ]),
  ])
}
