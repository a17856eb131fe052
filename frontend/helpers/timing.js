/**
 * Calls `paint` at most once a frame, however often it is asked. A hidden tab gets no frames, so a slow timer
 * stands in for them.
 */
export function oncePerFrame(paint) {
  let frame = 0
  let timer = 0
  const run = () => {
    cancelAnimationFrame(frame)
    clearTimeout(timer)
    frame = timer = 0
    paint()
  }
  return () => {
    if (frame) return
    frame = requestAnimationFrame(run)
    timer = setTimeout(run, 250)
  }
}
