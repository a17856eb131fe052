import Fault from "../../fault.js"
import { stats } from "../../gateway.js"

const EVERY_MS = 2000
const KEPT_MS = 600_000
const MOST_READINGS = 400
const RATE_OVER_S = 30
const COUNTERS = ["uptime", "requests", "outputTokens", "errors"]

/**
 * What /stats said over the last ten minutes, as long as somebody looks: `start()` and `stop()`. Says "change" at each reading.
 *
 * A reading holds `at` (ms since 1970), counters and percentiles, and two rates over the last half minute; where nothing was
 * read, a reading with `isGap` parts what comes before from what comes after. Counters that begin anew have no rate at first.
 */
export default class History extends EventTarget {
  readings = []
  latest = null
  fault = null
  isPaused = false
  #settings
  #isWatched = false
  #turn = 0
  #timer = 0
  #run = 0

  constructor(settings) {
    super()
    this.#settings = settings
  }

  /** Somebody looks. */
  start() {
    this.#isWatched = true
    this.#begin()
  }

  /** Nobody looks any more. */
  stop() {
    this.#isWatched = false
    this.#end()
  }

  pause() {
    this.isPaused = true
    this.#end()
    this.#tell()
  }

  resume() {
    this.isPaused = false
    this.#begin()
    this.#tell()
  }

  #begin() {
    if (!this.#isWatched || this.isPaused) return
    this.#end()
    this.#gap()
    this.#look()
  }

  #end() {
    this.#turn += 1
    clearTimeout(this.#timer)
  }

  async #look() {
    const turn = this.#turn
    const [told] = await Promise.allSettled([stats(this.#settings)])
    if (turn !== this.#turn) return
    this.fault = told.status === "fulfilled" ? null : told.reason instanceof Fault ? told.reason : new Fault("unknown")
    if (this.fault) this.#gap()
    else this.#take(told.value)
    this.#timer = setTimeout(() => this.#look(), EVERY_MS)
    this.#tell()
  }

  #take(told) {
    this.latest = told
    const reading = readingOf(told)
    const before = this.readings.findLast((other) => !other.isGap)
    if (before && hasBegunAnew(before, reading)) {
      this.#run += 1
      this.#gap()
    }
    reading.run = this.#run
    this.#keep({ ...reading, ...this.#rates(reading) })
  }

  #rates(now) {
    const first = this.readings.find(({ run, uptime }) => run === now.run && uptime >= now.uptime - RATE_OVER_S)
    const seconds = first ? now.uptime - first.uptime : 0
    if (seconds <= 0) return { tokensPerSecond: null, requestsPerMinute: null }
    return {
      tokensPerSecond: (now.outputTokens - first.outputTokens) / seconds,
      requestsPerMinute: ((now.requests - first.requests) / seconds) * 60,
    }
  }

  #gap() {
    if (this.readings.length && !this.readings.at(-1).isGap) this.#keep({ at: Date.now(), isGap: true })
  }

  #keep(reading) {
    const kept = this.readings.filter(({ at }) => at > reading.at - KEPT_MS)
    this.readings = [...kept, reading].slice(-MOST_READINGS)
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}

function readingOf({ uptime_s: uptime, since, totals = {} }) {
  const { ttft_ms: ttft, tokens_per_second: speed } = totals
  return {
    at: Date.now(),
    since,
    uptime: count(uptime),
    requests: count(totals.requests),
    inFlight: count(totals.in_flight),
    outputTokens: count(totals.output_tokens),
    errors: errorsOf(totals),
    ttft50: known(ttft?.p50),
    ttft95: known(ttft?.p95),
    ttft99: known(ttft?.p99),
    speed50: known(speed?.p50),
    speed95: known(speed?.p95),
  }
}

/** How many answers failed, of whatever kind. */
export function errorsOf(tally) {
  return Object.values(tally.errors ?? {}).reduce((sum, n) => sum + count(n), 0)
}

function hasBegunAnew(before, now) {
  return before.since !== now.since || COUNTERS.some((name) => now[name] < before[name])
}

export function count(value) {
  return Number.isFinite(value) && value > 0 ? value : 0
}

export function known(value) {
  return Number.isFinite(value) ? value : null
}
