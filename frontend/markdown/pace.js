import { oncePerFrame } from "../helpers/timing.js"

const REST = 4

/** As `oncePerFrame`, and never more than a fifth of the time: a painting that took long is followed by a longer rest. */
export function paced(paint) {
  let notBefore = 0
  let timer = 0
  const askFrame = oncePerFrame(() => {
    const began = performance.now()
    paint()
    notBefore = began + (performance.now() - began) * (REST + 1)
    // What the browser makes of it (style, layout) counts too: this runs after the frame.
    setTimeout(() => {
      notBefore = Math.max(notBefore, began + ((performance.now() - began) * (REST + 1)) / 2)
    })
  })
  return () => {
    const rest = notBefore - performance.now()
    if (rest <= 0) askFrame()
    else if (!timer)
      timer = setTimeout(() => {
        timer = 0
        askFrame()
      }, rest)
  }
}
