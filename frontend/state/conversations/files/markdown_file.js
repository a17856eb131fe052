import * as check from "../../../helpers/checks.js"
import { titleFrom } from "../message.js"

const VERSION = 1
const HEADING = /^#{1,3} (.*?)\s*<!-- passerelle (conversation|system|user|assistant|thought|text)(?: (\S+))? -->$/
const LONGEST_HEADING = 3000 // no line of ours is longer, and a pattern may be slow on what is not ours
const ENGLISH = {
  system: "System prompt",
  user: "User",
  assistant: "Assistant",
  thought: "Reasoning",
  text: "Answer",
  exported: "Exported from Passerelle",
  figures: figuresLine,
  images: (count) => `${count} × image`,
}

/**
 * A path through a conversation as Markdown that reads well and comes back text for text. Each text is a quotation: no
 * heading, fence or comment in it can end it. What a heading is for stands in a comment, so that it may be in any language.
 */
export function markdownFile(conversation, path, labels = {}) {
  const words = { ...ENGLISH, ...labels }
  const heading = (level, text, mark) => `${"#".repeat(level)} ${oneLine(text)} <!-- passerelle ${mark} -->`
  const parts = [
    heading(1, conversation.title, `conversation ${VERSION}`),
    `${words.exported}, ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC`,
  ]
  if (conversation.system) parts.push(heading(2, words.system, "system"), quoted(conversation.system))
  for (const { role, text, thought, images, answer, createdAt } of path) {
    parts.push(
      heading(
        2,
        [words[role], answer?.model].filter(Boolean).join(" · "),
        `${role} ${new Date(createdAt).toISOString()}`,
      ),
    )
    if (images?.length) parts.push(`*${words.images(images.length)}*`)
    if (thought) parts.push(heading(3, words.thought, "thought"), quoted(thought), heading(3, words.text, "text"))
    parts.push(quoted(text))
    const figures = answer && oneLine(words.figures(answer))
    if (figures) parts.push(`*${figures}*`)
  }
  return `${parts.join("\n\n")}\n`
}

/** Reads such a file as the conversation of an exchange file, still to be checked. */
export function readMarkdownFile(text) {
  const conversation = { title: "", system: "", createdAt: Date.now(), messages: [] }
  let place = null
  let isOurs = false
  let lines = []
  const close = () => {
    if (place) place.owner[place.name] = unquoted(lines)
    lines = []
  }
  const isConverted = /^.*\r\n/.test(text) // by a program that ends every line so; ours ends its first line with a bare \n
  for (const line of text.split(isConverted ? "\r\n" : "\n")) {
    const [, label, kind, value] = (line.length <= LONGEST_HEADING && HEADING.exec(line)) || []
    if (kind) {
      close()
      isOurs ||= kind === "conversation"
      place = begin(conversation, kind, label, value)
    } else if (line.startsWith(">") && place) {
      lines.push(line)
    }
  }
  close()
  if (!isOurs) throw check.importFault("import_foreign", "#")
  conversation.isTitled =
    conversation.title !== titleFrom(conversation.messages.find(({ role }) => role === "user")?.text ?? "")
  return conversation
}

/** What the quotation under a heading belongs to. */
function begin(conversation, kind, label, value) {
  const { messages } = conversation
  if (kind === "conversation") {
    if (Number(value) > VERSION) throw check.importFault("import_newer", "#")
    conversation.title = label
    return null
  }
  if (kind === "system") return { owner: conversation, name: "system" }
  if (kind === "user" || kind === "assistant") {
    const createdAt = Date.parse(value)
    const id = String(messages.length)
    messages.push({
      id,
      parentId: messages.at(-1)?.id ?? null,
      role: kind,
      text: "",
      createdAt: createdAt >= 0 ? createdAt : conversation.createdAt,
    })
    conversation.head = id
  }
  if (messages.length === 0) throw check.importFault("import_wrong", kind)
  return { owner: messages.at(-1), name: kind === "thought" ? "thought" : "text" }
}

function quoted(text) {
  return text
    .split("\n")
    .map((line) => (line ? `> ${line}` : ">"))
    .join("\n")
}

function unquoted(lines) {
  return lines.map((line) => line.replace(/^> ?/, "")).join("\n")
}

function figuresLine({ usage, tokensPerSecond, ttft, finishReason }) {
  const round = (value) => Math.round(value * 10) / 10
  const told = [
    usage && `${usage.input_tokens} → ${usage.output_tokens} tokens`,
    tokensPerSecond && `${round(tokensPerSecond)} tokens/s`,
    ttft && `${round(ttft / 1000)} s to the first token`,
    finishReason,
  ]
  return told.filter(Boolean).join(" · ")
}

function oneLine(text) {
  return text.trim().replace(/\s+/g, " ")
}
