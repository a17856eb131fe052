import { part } from "../helpers/dom.js"
import { emphasized } from "../helpers/emphasis.js"
import { duration, number, wholeSeconds, wordCount } from "../helpers/format.js"
import { oncePerFrame } from "../helpers/timing.js"
import { drawFigures } from "./figures.js"
import Notice from "./notice.js"
import ScrollKeeper from "./scroll_keeper.js"

const LONG_WAIT_MS = 4000
const STATES = {
  waiting: "state_waiting", thinking: "state_thinking", writing: "state_writing", done: "state_done",
  length: "state_length", stopped: "state_stopped", cut: "state_cut", failed: "state_failed",
}

/** The column where an answer arrives: paints a Generation, at most once a frame. */
export default class Answer {
  #root
  #words
  #catalog
  #notice
  #scroll
  #generation = null
  #textNode = new Text()
  #settled = 0
  #thoughtNode = new Text()
  #clock = 0
  #ask = oncePerFrame(() => this.#scroll.keep(() => this.#draw()))

  constructor(root, { words, catalog, ways, footer }) {
    this.#root = root
    this.#words = words
    this.#catalog = catalog
    this.#notice = new Notice(part(root, "notice"), words, ways)
    this.#scroll = new ScrollKeeper(part(root, "body"), footer)
    part(root, "text").append(this.#textNode)
    part(root, "thought-text").append(this.#thoughtNode)
    words.addEventListener("change", () => this.#generation && this.#draw())
  }

  show(generation) {
    this.#generation = generation
    this.#textNode.data = this.#thoughtNode.data = ""
    this.#settled = 0
    part(this.#root, "text").replaceChildren(this.#textNode)
    part(this.#root, "thought").open = false
    part(this.#root, "body").scrollTop = 0
    generation.addEventListener("change", this.#ask)
    generation.addEventListener("end", () => clearInterval(this.#clock))
    clearInterval(this.#clock)
    this.#clock = setInterval(this.#ask, 500)
    this.#draw()
    this.#comeIntoSight()
  }

  /** A fault that kept a question from being asked at all. */
  refuse(fault, values) {
    this.#notice.show(fault, values)
    this.#comeIntoSight()
  }

  #comeIntoSight() {
    if (this.#root.getBoundingClientRect().top < innerHeight * 0.7) return
    this.#root.scrollIntoView({ block: "start" })
  }

  #draw() {
    const generation = this.#generation
    this.#root.dataset.phase = generation.phase
    this.#set("state", this.#words.t(STATES[generation.phase]))
    part(this.#root, "empty").hidden = true
    part(this.#root, "text").ariaBusy = String(generation.isRunning)
    this.#write(generation.text, !generation.isRunning)
    append(this.#thoughtNode, generation.thought)
    this.#drawWaiting(generation)
    this.#drawThought(generation)
    this.#drawEnding(generation)
    this.#notice.show(generation.fault, { host: generation.settings.host })
    this.#drawFigures(generation)
  }

  /** Finished lines get their emphasis; the line that is still being written is bare text. */
  #write(text, isWhole) {
    const end = isWhole ? text.length : text.lastIndexOf("\n") + 1
    if (end > this.#settled) {
      this.#textNode.before(...emphasized(text.slice(this.#settled, end)))
      this.#textNode.data = ""
      this.#settled = end
    }
    append(this.#textNode, text.slice(this.#settled))
  }

  #drawWaiting(generation) {
    const waited = performance.now() - generation.startedAt
    part(this.#root, "waiting").hidden = generation.phase !== "waiting"
    if (generation.phase !== "waiting") return
    const key = waited < LONG_WAIT_MS ? "waiting" : "waiting_long"
    this.#set("waiting-text", this.#words.t(key, { seconds: wholeSeconds(this.#words, waited) }))
  }

  #drawThought({ thought, thoughtAt, thoughtEndedAt }) {
    part(this.#root, "thought").hidden = thought === ""
    if (thought === "") return
    const lasted = (thoughtEndedAt ?? performance.now()) - thoughtAt
    const title = thoughtEndedAt === null
      ? this.#words.t("thinking", { seconds: wholeSeconds(this.#words, lasted) })
      : this.#words.t("thought", { seconds: duration(this.#words, lasted) })
    this.#set("thought-title", title)
  }

  #drawEnding(generation) {
    const sentence = ending(this.#words, generation)
    part(this.#root, "ending").hidden = sentence === ""
    this.#set("ending", sentence)
  }

  #drawFigures(generation) {
    const list = part(this.#root, "figures")
    if (generation.isRunning || generation.phase === "failed") list.hidden = true
    else drawFigures(list, this.#words, generation, this.#catalog.health?.backend?.name)
  }

  #set(name, text) {
    const node = part(this.#root, name)
    if (node.textContent !== text) node.textContent = text
  }
}

/** Text only ever grows: add what is new instead of writing all of it again. */
function append(node, text) {
  if (text.length > node.length) node.appendData(text.slice(node.length))
}

function ending(words, { phase, text, hasContent, startedAt, endedAt, request }) {
  const seconds = phase === "stopped" ? duration(words, endedAt - startedAt) : ""
  if (phase === "stopped" && !hasContent) return words.t("ending_stopped_early", { seconds })
  if (phase === "stopped") return words.t("ending_stopped", { seconds, words: number(words, wordCount(text)) })
  if (phase === "length" && request.maxTokens) return words.t("ending_length", { n: number(words, request.maxTokens) })
  if (phase === "length") return words.t("ending_length_model")
  if (phase === "cut") return words.t("ending_cut")
  return phase === "done" && !text.trim() ? words.t("ending_empty") : ""
}
