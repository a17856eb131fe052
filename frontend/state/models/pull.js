import Fault from "../../fault.js"
import { pullModel } from "../../gateway.js"

const RATE_OVER_MS = 10_000
const RATE_FROM_MS = 1000
const PHASES = ["starting", "downloading", "verifying"]
const KINDS = {
  model_missing: "pull_unknown",
  refused: "pull_refused",
  unsupported: "pull_refused",
  connection: "pull_cut",
  backend_slow: "pull_cut",
  backend_failed: "pull_failed",
}

/**
 * One download of a model by the backend, from the wish to its end. Says "change" at every step, "end" at the last.
 *
 * `phase`: queued → starting → downloading → verifying, then one of done, stopped, cut, failed. Only the backend's own word of
 * success is "done"; `model` is then the id under which it is listed, where that can be told.
 */
export default class Pull extends EventTarget {
  phase = "queued"
  detail = ""
  completed = null
  total = null
  fraction = null
  model = null
  fault = null
  #settings
  #abort = new AbortController()
  #readings = []

  constructor(name, settings) {
    super()
    this.name = name
    this.#settings = settings
  }

  get isQueued() {
    return this.phase === "queued"
  }

  get isRunning() {
    return PHASES.includes(this.phase)
  }

  get isEnded() {
    return !this.isQueued && !this.isRunning
  }

  /** Bytes a second over the last moments; null while there is too little to tell. */
  get rate() {
    const [first, last] = [this.#readings[0], this.#readings.at(-1)]
    const passed = last ? last.at - first.at : 0
    return passed < RATE_FROM_MS ? null : ((last.completed - first.completed) / passed) * 1000
  }

  /** For what the backend has told of so far; null where that cannot be said. */
  get secondsLeft() {
    return this.rate > 0 && this.phase === "downloading" ? (this.total - this.completed) / this.rate : null
  }

  stop() {
    if (this.isEnded) return
    this.#abort.abort()
    this.#end("stopped")
  }

  async run() {
    this.phase = "starting"
    this.#tell()
    try {
      for await (const line of pullModel(this.#settings, this.name, this.#abort.signal)) {
        if (this.isRunning) this.#take(line)
        if (!this.isRunning) return
      }
      this.#fail(new Fault("pull_cut"))
    } catch (thrown) {
      if (this.isRunning) this.#fail(thrown instanceof Fault ? thrown : new Fault("pull_cut"))
    }
  }

  #take(line) {
    if (line?.error) throw Fault.ofAnswer(502, line)
    if (line?.status === "done") return this.#finish(line.model)
    if (!PHASES.includes(line?.status)) return // a newer gateway may tell more
    this.phase = line.status
    this.detail = typeof line.detail === "string" ? line.detail : ""
    this.completed = size(line.completed)
    this.total = size(line.total)
    this.fraction = size(line.fraction)
    this.#measure()
    this.#tell()
  }

  /** From the first byte that is new: what an earlier pull had brought would look like speed. */
  #measure() {
    const now = performance.now()
    if (this.completed) this.#readings.push({ at: now, completed: this.completed })
    while (this.#readings.length > 2 && now - this.#readings[1].at > RATE_OVER_MS) this.#readings.shift()
  }

  #finish(model) {
    this.model = typeof model?.id === "string" ? model.id : null
    this.fraction = 1
    this.#end("done")
  }

  #fail({ kind, detail }) {
    this.fault = new Fault(KINDS[kind] ?? kind, detail)
    this.#end(this.fault.kind === "pull_cut" ? "cut" : "failed")
  }

  #end(phase) {
    this.phase = phase
    this.#tell()
    this.dispatchEvent(new Event("end"))
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}

function size(value) {
  return Number.isFinite(value) && value >= 0 ? value : null
}
