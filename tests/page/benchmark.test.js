import assert from "node:assert/strict"
import { test } from "node:test"
import Benchmark from "../../frontend/state/compare/benchmark.js"
import { changesOf } from "./browser.js"

const A = { model: "=a", parameters: { temperature: 0 } }
const B = { model: "b", parameters: {} }
const FIGURES = {
  phase: "done",
  createdAt: 0,
  ttft: 12.345,
  tokensPerSecond: 50,
  usage: { input_tokens: 7, output_tokens: 5 },
  elapsedMs: 100,
  finishReason: "stop",
  fault: null,
  isEstimated: false,
}

/** Answers that end when they are told to: each is given its figures by `end`. */
class Answers {
  asked = []
  #waiting = []

  ask = (column) => {
    const answer = { ...FIGURES, column }
    answer.run = () =>
      new Promise((resolve) => this.#waiting.push((figures) => resolve(Object.assign(answer, figures))))
    answer.stop = () => this.#waiting.splice(0).forEach((end) => end({ phase: "stopped" }))
    this.asked.push(column)
    return answer
  }

  async end(figures) {
    this.#waiting.shift()(figures)
    await new Promise(setImmediate)
  }
}

async function measured(plan, figures = []) {
  const answers = new Answers()
  const benchmark = new Benchmark([A, B], plan, answers.ask)
  const whole = benchmark.run()
  for (let index = 0; index < benchmark.total; index++) await answers.end(figures[index] ?? {})
  await whole
  return { benchmark, answers }
}

test("columns are measured one after the other, and the warm-up of each does not count", async () => {
  const { benchmark, answers } = await measured({ runs: 2, atOnce: 1, hasWarmUp: true })

  assert.deepEqual(answers.asked, [A, A, A, B, B, B])
  assert.deepEqual(
    benchmark.runs.map(({ column, number }) => [column, number]),
    [
      [A, 1],
      [A, 2],
      [B, 1],
      [B, 2],
    ],
  )
  assert.deepEqual([benchmark.done, benchmark.total, benchmark.isRunning, benchmark.current], [6, 6, false, null])
})

test("no more than asked for run at once, and never those of two columns", async () => {
  const answers = new Answers()
  const benchmark = new Benchmark([A, B], { runs: 3, atOnce: 2, hasWarmUp: false }, answers.ask)
  const heard = changesOf(benchmark)
  const whole = benchmark.run()
  assert.deepEqual([answers.asked, benchmark.current], [[A, A], A])

  await answers.end()
  assert.deepEqual(answers.asked, [A, A, A])
  await answers.end()
  assert.deepEqual(answers.asked, [A, A, A])
  await answers.end()
  assert.deepEqual([answers.asked, benchmark.current], [[A, A, A, B, B], B])
  for (let left = 0; left < 3; left++) await answers.end()
  await whole

  assert.equal(heard.times, 13)
})

test("figures are those of runs that came to their end; the others are counted by their fault", async () => {
  const busy = { phase: "failed", fault: { kind: "busy" }, ttft: null, usage: null }
  const { benchmark } = await measured({ runs: 3, atOnce: 1, hasWarmUp: false }, [
    { ttft: 30 },
    busy,
    { ttft: 10 },
    { phase: "cut" },
  ])

  assert.deepEqual(benchmark.values(A, "ttft"), [30, 10])
  assert.deepEqual([benchmark.percentile(A, "ttft", 50), benchmark.percentile(A, "ttft", 95)], [10, 30])
  assert.deepEqual([benchmark.failures(A), benchmark.failures(B)], [[["busy", 1]], [["unknown", 1]]])
  assert.equal(benchmark.isEstimated(A), false)
})

test("stopped, it keeps what it has and asks no more", async () => {
  const answers = new Answers()
  const benchmark = new Benchmark([A, B], { runs: 5, atOnce: 1, hasWarmUp: false }, answers.ask)
  const whole = benchmark.run()
  await answers.end()

  benchmark.stop()
  await whole

  assert.deepEqual([answers.asked, benchmark.runs.length, benchmark.done], [[A, A], 1, 1])
  assert.ok(benchmark.isStopped)
})

test("its CSV has a line for each run, and a name is no formula", async () => {
  const busy = {
    phase: "failed",
    fault: { kind: "busy" },
    ttft: null,
    tokensPerSecond: null,
    usage: null,
    finishReason: null,
  }
  const { benchmark } = await measured({ runs: 1, atOnce: 1, hasWarmUp: false }, [{}, busy])

  const lines = benchmark.csv((column) => (column === A ? "A" : "B")).split("\r\n")

  assert.equal(
    lines[0],
    "column,model,parameters,run,started_at,ttft_ms,tokens_per_second,input_tokens,output_tokens,total_ms,finish_reason,error_code,is_estimated",
  )
  assert.deepEqual(lines.slice(1), [
    `A,'=a,"{""temperature"":0}",1,1970-01-01T00:00:00.000Z,12.35,50,7,5,100,stop,,false`,
    "B,b,{},1,1970-01-01T00:00:00.000Z,,,,,100,,busy,false",
    "",
  ])
})
