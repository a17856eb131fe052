import { csv } from "../../helpers/csv.js"
import { inLanes } from "../../helpers/lanes.js"
import { percentile } from "../../helpers/percentile.js"

const HEAD = [
  "column",
  "model",
  "parameters",
  "run",
  "started_at",
  "ttft_ms",
  "tokens_per_second",
  "input_tokens",
  "output_tokens",
  "total_ms",
  "finish_reason",
  "error_code",
  "is_estimated",
]
const FAILED = ["failed", "cut"]

/**
 * Several runs of each column, column after column: between two runs no other model pushes this one out of memory.
 * Says "change" at each run. `plan`: `{runs, atOnce, hasWarmUp}`; the warm-up run loads the model and does not count.
 */
export default class Benchmark extends EventTarget {
  #ask
  #abort = new AbortController()
  #generations = new Set()
  #current = null
  runs = []
  done = 0
  isRunning = true

  /** `columns`: copies, since the reader may change theirs meanwhile. `ask(column)` gives a Generation that has not begun. */
  constructor(columns, plan, ask) {
    super()
    this.columns = columns
    this.plan = plan
    this.#ask = ask
  }

  get total() {
    return this.columns.length * (this.plan.runs + Number(this.plan.hasWarmUp))
  }

  /** The column whose turn it is. */
  get current() {
    return this.isRunning ? this.#current : null
  }

  get isStopped() {
    return this.#abort.signal.aborted
  }

  async run() {
    const { runs, atOnce, hasWarmUp } = this.plan
    const numbers = Array.from({ length: runs }, (_, index) => index + 1)
    for (const column of this.columns) {
      this.#current = column
      if (hasWarmUp) await this.#each([0], 1)
      await this.#each(numbers, atOnce)
    }
    this.isRunning = false
    this.#tell()
  }

  stop() {
    this.#abort.abort()
    for (const generation of this.#generations) generation.stop()
  }

  #each(numbers, width) {
    return inLanes(numbers, width, (number) => this.#once(this.#current, number), this.#abort.signal)
  }

  async #once(column, number) {
    const generation = this.#ask(column)
    this.#generations.add(generation)
    this.#tell()
    await generation.run()
    this.#generations.delete(generation)
    if (generation.phase === "stopped") return
    this.done += 1
    if (number > 0) this.runs.push({ column, number, ...figures(generation) })
    this.#tell()
  }

  // -- results

  of(column) {
    return this.runs.filter((run) => run.column === column)
  }

  /** What a figure was in the runs that came to their end. */
  values(column, figure) {
    return this.of(column)
      .filter(({ error }) => error === null)
      .map((run) => run[figure])
      .filter((value) => value !== null)
  }

  percentile(column, figure, rank) {
    return percentile(this.values(column, figure), rank)
  }

  /** How often each kind of fault ended a run: `[[kind, times]]`. */
  failures(column) {
    const times = new Map()
    for (const { error } of this.of(column)) if (error !== null) times.set(error, (times.get(error) ?? 0) + 1)
    return [...times]
  }

  isEstimated(column) {
    return this.of(column).some((run) => run.isEstimated)
  }

  /** A line for each run. `letterOf(column)` names the columns. */
  csv(letterOf) {
    return csv([HEAD, ...this.runs.map((run) => line(run, letterOf(run.column)))])
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}

function figures({ createdAt, ttft, tokensPerSecond, usage, elapsedMs, finishReason, phase, fault, isEstimated }) {
  const error = FAILED.includes(phase) ? (fault?.kind ?? "unknown") : null
  return {
    createdAt,
    ttft,
    tokensPerSecond,
    elapsedMs,
    finishReason,
    error,
    isEstimated,
    input: usage?.input_tokens ?? null,
    output: usage?.output_tokens ?? null,
  }
}

function line(
  { column, number, createdAt, ttft, tokensPerSecond, input, output, elapsedMs, finishReason, error, isEstimated },
  letter,
) {
  return [
    letter,
    column.model,
    JSON.stringify(column.parameters),
    number,
    new Date(createdAt).toISOString(),
    rounded(ttft),
    rounded(tokensPerSecond),
    input,
    output,
    rounded(elapsedMs),
    finishReason,
    error,
    isEstimated,
  ]
}

function rounded(value) {
  return value === null ? null : Math.round(value * 100) / 100
}
