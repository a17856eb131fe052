import Fault from "../../fault.js"
import { oncePerFrame } from "../../helpers/timing.js"
import { stream } from "../../langchain_client.js"

/**
 * One answer, from Send to its end, with the clock readings taken on the way. Says "change" while it goes on, at most once a
 * frame, since a fast model has ten tokens for each; says both "change" and "end" at the end.
 *
 * `request`: `{messages: [{role, content, images?: [data URL]}], model, isDemo, parameters}`.
 * `phase`: loading → waiting → thinking → writing, then one of done, length, stopped, cut, failed. "cut" keeps what had come;
 * an answer without a finish reason is cut too, even when its connection ended without a complaint.
 */
export default class Generation extends EventTarget {
  phase = "waiting"
  text = ""
  thought = ""
  finishReason = null
  usage = null
  figures = null
  fault = null
  startedAt = performance.now()
  createdAt = Date.now()
  firstAt = null
  thoughtAt = null
  thoughtEndedAt = null
  endedAt = null
  #abort = new AbortController()
  #changed = oncePerFrame(() => this.isRunning && this.dispatchEvent(new Event("change")))

  constructor(request, settings) {
    super()
    this.request = request
    this.model = request.model
    this.host = settings.isOwnGateway ? null : settings.host
    this.isDemo = request.isDemo
    this.settings = settings
  }

  get isRunning() {
    return this.endedAt === null
  }

  /** Milliseconds of reasoning, so far or in all; null without any. */
  get thoughtMs() {
    return this.thoughtAt === null ? null : (this.thoughtEndedAt ?? performance.now()) - this.thoughtAt
  }

  /** Milliseconds since Send, up to the end. */
  get elapsedMs() {
    return (this.endedAt ?? performance.now()) - this.startedAt
  }

  /** Who answered, as far as it is known. */
  get backend() {
    return this.figures?.backend ?? null
  }

  get maxTokens() {
    return this.request.parameters?.maxTokens ?? null
  }

  get hasContent() {
    return this.text !== "" || this.thought !== ""
  }

  stop() {
    if (!this.isRunning) return
    this.#abort.abort()
    this.#end("stopped")
  }

  async run() {
    try {
      for await (const chunk of await stream(this.request, this.settings, this.#abort.signal)) {
        if (!this.isRunning) return
        this.#take(chunk)
      }
      this.#finish()
    } catch (thrown) {
      if (!this.isRunning) return
      this.fault = Fault.ofGeneration(thrown, this.settings)
      this.#end(this.hasContent ? "cut" : "failed")
    }
  }

  #take(chunk) {
    const now = performance.now()
    const thought = chunk.additional_kwargs?.reasoning_content
    const text = typeof chunk.content === "string" ? chunk.content : ""
    if (thought) this.#think(thought, now)
    if (text) this.#write(this.fresh(text), now)
    this.#readMetadata(chunk)
    this.#changed()
  }

  #think(piece, now) {
    this.firstAt ??= now
    this.thoughtAt ??= now
    this.thought += piece
    if (!this.text) this.phase = "thinking"
  }

  #write(piece, now) {
    this.firstAt ??= now
    if (this.thoughtAt !== null) this.thoughtEndedAt ??= now
    this.text += piece
    this.phase = "writing"
  }

  #readMetadata({ response_metadata: metadata, usage_metadata: usage }) {
    if (metadata?.finish_reason) this.finishReason = metadata.finish_reason
    if (metadata?.model_name) this.model = metadata.model_name
    if (metadata?.usage?.passerelle) this.figures = metadata.usage.passerelle
    if (usage) this.usage = usage
  }

  /** What of a piece belongs to the answer. */
  fresh(piece) {
    return piece
  }

  #finish() {
    if (!this.finishReason) this.#end(this.hasContent ? "cut" : "failed", new Fault("connection"))
    else this.#end(this.finishReason === "length" ? "length" : "done")
  }

  #end(phase, fault = this.fault) {
    this.text += this.heldBack()
    this.phase = phase
    this.fault = fault
    this.endedAt = performance.now()
    if (this.thoughtAt !== null) this.thoughtEndedAt ??= this.endedAt
    this.dispatchEvent(new Event("change"))
    this.dispatchEvent(new Event("end"))
  }

  /** All that an answer shows, as a plain object that can be stored: an Answer draws it like the Generation itself. */
  record() {
    const {
      phase,
      text,
      thought,
      thoughtMs,
      elapsedMs,
      finishReason,
      usage,
      figures,
      model,
      host,
      backend,
      isDemo,
      maxTokens,
      ttft,
      tokensPerSecond,
      createdAt,
    } = this
    const counted = usage && { input_tokens: usage.input_tokens, output_tokens: usage.output_tokens }
    const fault = this.fault && { kind: this.fault.kind, detail: this.fault.detail }
    return {
      phase,
      text,
      thought,
      thoughtMs,
      elapsedMs,
      finishReason,
      usage: counted,
      isEstimated: Boolean(figures?.estimated),
      model,
      host,
      backend,
      isDemo,
      maxTokens,
      ttft,
      tokensPerSecond,
      fault,
      createdAt,
    }
  }

  /** What turns out to belong to it at its end. */
  heldBack() {
    return ""
  }

  get isEstimated() {
    return Boolean(this.figures?.estimated)
  }

  /** Milliseconds to the first token: the gateway's figure, else this page's own. Null while nothing has come. */
  get ttft() {
    return this.figures?.ttft_ms ?? (this.firstAt === null ? null : this.firstAt - this.startedAt)
  }

  get tokensPerSecond() {
    if (this.figures) return this.figures.tokens_per_second ?? null
    const seconds = (this.endedAt - this.firstAt) / 1000
    return this.usage?.output_tokens > 1 && seconds > 0 ? (this.usage.output_tokens - 1) / seconds : null
  }
}
