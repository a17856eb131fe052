const LATEST_MS = 500
const SLICE_MS = 8
const jobs = []
let isScheduled = false

/** Runs small jobs one after the other while the browser has nothing better to do, a few milliseconds at a time. */
export function whenIdle(job) {
  jobs.push(job)
  schedule()
}

function schedule() {
  if (isScheduled) return
  isScheduled = true
  if (globalThis.requestIdleCallback) requestIdleCallback(work, { timeout: LATEST_MS })
  else setTimeout(work, 50)
}

function work() {
  isScheduled = false
  const end = performance.now() + SLICE_MS
  try {
    while (jobs.length && performance.now() < end) jobs.shift()()
  } finally {
    if (jobs.length) schedule()
  }
}
