import Fault from "../../fault.js"
import { inLanes } from "../../helpers/lanes.js"
import { arrangement, unused } from "./arrangement.js"
import Benchmark from "./benchmark.js"
import Column from "./column.js"

export const FEWEST = 2
export const MOST_RUNS = 50
export const MOST = 4 // a browser opens six connections to a host: one must stay free for everything else
const WHOLE = ["done", "length"]
const BETTER = { ttft: Math.min, tokensPerSecond: Math.max, elapsedMs: Math.min }

/**
 * Some models, or some settings of one, on the same prompt. Says "change" when a column comes, goes, starts or ends.
 *
 * Until the reader types here, the prompts are those of the Prompt view; until they touch a column, the columns follow
 * what the endpoint offers.
 */
export default class Comparison extends EventTarget {
  #parts
  #own = null
  #isArranged = true
  #abort = new AbortController()
  columns = []
  /** Models that share a machine slow each other down: one after the other gives figures that can be compared. */
  isSequential = true
  /** Whether the answers on show came one after the other. */
  wasSequential = true
  fault = null
  plan = { runs: 5, atOnce: 1, hasWarmUp: true }
  benchmark = null

  constructor(parts) {
    super()
    this.#parts = parts
    this.columns = this.#arrangement().map(([model, parameters]) => new Column(model, parameters))
    for (const source of [parts.catalog, parts.settings]) source.addEventListener("change", () => this.#follow())
    parts.prompt.addEventListener("change", () => this.#own || this.#tell())
  }

  // -- prompts

  get system() {
    return this.#messages.find(({ role }) => role === "system")?.content ?? ""
  }

  get human() {
    return this.#messages.at(-1).content
  }

  /** Questions and answers that are sent before the question, as if they had been said. */
  get examples() {
    return this.#messages.slice(0, -1).filter(({ role }) => role !== "system")
  }

  get isOwnText() {
    return this.#own !== null
  }

  type(part, text) {
    const { system, human } = { system: this.system, human: this.human, [part]: text }
    this.#own = [{ role: "system", content: system }, ...this.examples, { role: "user", content: human }]
    this.#tell()
  }

  usePromptView() {
    this.#own = null
    this.#tell()
  }

  get #messages() {
    return this.#own ?? this.#parts.prompt.text.messages
  }

  /** Without a system prompt there is no such message. */
  get #sent() {
    const trimmed = this.#messages.map(({ role, content }) => ({ role, content: content.trim() }))
    return trimmed.filter(({ role, content }) => role !== "system" || content)
  }

  // -- columns

  get isRunning() {
    return this.columns.some((column) => column.isRunning)
  }

  get isMeasuring() {
    return Boolean(this.benchmark?.isRunning)
  }

  /** Adds one with the settings of another, right after it. Without a model of its own, it gets one that is not there yet. */
  add(like = null) {
    if (this.columns.length >= MOST) return null
    const last = like ?? this.columns.at(-1)
    const model = like?.model ?? unused(this.#parts.catalog, this.columns)?.id ?? last.model
    const column = new Column(model, last.parameters)
    this.#touch(this.columns.toSpliced(this.columns.indexOf(last) + 1, 0, column))
    return column
  }

  remove(column) {
    if (this.columns.length <= FEWEST) return
    column.stop()
    this.#touch(this.columns.filter((one) => one !== column))
  }

  change(column, settings) {
    Object.assign(column, settings)
    this.#touch(this.columns)
  }

  setSequential(isSequential) {
    this.isSequential = isSequential
    this.#tell()
  }

  // -- answers

  /** Asks all columns anew, or only the one given. */
  async run(columns = this.columns) {
    if (this.isRunning || this.isMeasuring || !this.#mayStart()) return
    this.#abort = new AbortController()
    const { signal } = this.#abort
    const messages = this.#sent
    if (columns === this.columns) this.wasSequential = this.isSequential
    for (const column of columns) column.queue()
    this.#tell()
    await inLanes(
      columns,
      this.isSequential ? 1 : MOST,
      (column) => column.isQueued && this.#answer(column, messages),
      signal,
    )
    this.#parts.catalog.refresh() // models are in memory now, or the server has just shown that something is wrong
  }

  stop() {
    this.#abort.abort()
    for (const column of this.columns) column.stop()
    this.#tell()
  }

  stopColumn(column) {
    column.stop()
    this.#tell()
  }

  async #answer(column, messages) {
    column.generation = column.ask(messages, this.#parts)
    column.isQueued = false
    this.#tell()
    await column.generation.run()
    this.#tell()
  }

  /**
   * Whether a column's answer has the best of a figure: not if only one has it, nor if all have the same. Two digits
   * count: what differs by less may be different in the next run.
   */
  isBest(column, figure) {
    if (!BETTER[figure]) return false
    const values = this.columns.map(({ generation }) => (WHOLE.includes(generation?.phase) ? generation[figure] : null))
    const rounded = values.map((value) => (value === null ? null : Number(value.toPrecision(2))))
    const known = rounded.filter((value) => value !== null)
    return new Set(known).size > 1 && rounded[this.columns.indexOf(column)] === BETTER[figure](...known)
  }

  // -- measuring

  setPlan(fields) {
    const { runs, atOnce, hasWarmUp } = { ...this.plan, ...fields }
    this.plan = { runs: within(runs, MOST_RUNS), atOnce: within(atOnce, MOST), hasWarmUp }
    this.#tell()
  }

  async measure() {
    if (this.isRunning || this.isMeasuring || !this.#mayStart()) return
    const messages = this.#sent
    const columns = this.columns.map(({ model, parameters }) => new Column(model, parameters))
    this.benchmark = new Benchmark(columns, this.plan, (column) => column.ask(messages, this.#parts))
    this.benchmark.addEventListener("change", () => this.#tell())
    this.#tell()
    await this.benchmark.run()
    this.#parts.catalog.refresh()
  }

  #mayStart() {
    this.fault = this.#objection()
    this.#tell()
    return this.fault === null
  }

  #objection() {
    if (!this.human.trim()) return new Fault("no_question")
    if (!this.#own && this.#parts.prompt.text.gap) return new Fault("prompt_gap")
    return this.#parts.settings.isReachable ? null : new Fault("endpoint_wrong")
  }

  // -- following what the endpoint offers

  #follow() {
    const { catalog } = this.#parts
    if (catalog.list.length === 0) return // nobody answers: nothing is known of the models
    if (this.#isArranged) {
      this.#arrangement().forEach(([model, parameters], index) =>
        Object.assign(this.columns[index], { model, parameters }),
      )
    } else {
      for (const column of this.columns) if (!catalog.find(column.model)) column.model = catalog.model?.id ?? ""
    }
    this.#tell()
  }

  #arrangement() {
    return arrangement(this.#parts.catalog, this.#parts.settings.parameters)
  }

  #touch(columns) {
    this.columns = columns
    this.#isArranged = false
    this.#tell()
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}

function within(value, most) {
  return Math.min(most, Math.max(1, Math.floor(Number(value)) || 1))
}
