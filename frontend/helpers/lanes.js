/** Does `work` for each job, in order and at most `width` at a time. An aborted signal keeps further ones from starting. */
export async function inLanes(jobs, width, work, signal) {
  const waiting = jobs.values() // one iterator for all lanes: each takes the next job that nobody has
  const lane = async () => {
    for (const job of waiting) {
      if (signal.aborted) return
      await work(job)
    }
  }
  await Promise.all(Array.from({ length: width }, lane))
}
