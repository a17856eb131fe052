// Runs in the page before its own scripts, and only takes down when things happen: nothing here draws or waits.
globalThis.watch = { readyAt: null, shownAt: [], longTasks: [], frames: 0 }

new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) watch.longTasks.push([startTime, duration])
}).observe({ type: "longtask", buffered: true })

// Every frame: is the page ready, and has the answer grown?
const frame = () => {
  watch.frames += 1
  const now = performance.now()
  if (watch.readyAt === null && document.querySelector("#send:enabled") && isModelShown()) watch.readyAt = now
  const text = document.querySelector("#answer [data-part=text]")
  if (text?.firstChild && watch.shownAt.length === 0) watch.shownAt.push(now)
  if (watch.shownAt.length === 1 && text?.lastElementChild?.textContent.endsWith("The end.")) watch.shownAt.push(now)
  requestAnimationFrame(frame)
}

function isModelShown() {
  const model = document.querySelector("#model")
  return Boolean(model?.value ?? model?.textContent)
}

requestAnimationFrame(frame)
