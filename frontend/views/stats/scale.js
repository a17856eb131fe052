const SECOND = 1000
const TIME_STEPS = [10, 30, 60, 120, 300].map((seconds) => seconds * SECOND)

/** From 0 to a round number at or above `most`, in a few round steps: 0, 20, 40, 60. `isWhole`: there is nothing between 0 and 1. */
export function valueTicks(most, isWhole = false) {
  const rough = Math.max((most > 0 ? most : 1) / 4, isWhole ? 1 : 0)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough * 0.999)
  const count = Math.max(1, Math.ceil((most > 0 ? most : 1) / step - 1e-9))
  return Array.from({ length: count + 1 }, (_, index) => index * step)
}

/** Round times between two, at most so many. */
export function timeTicks(from, to, most) {
  const step = TIME_STEPS.find((step) => (to - from) / step <= most) ?? TIME_STEPS.at(-1)
  const first = Math.ceil(from / step) * step
  return Array.from({ length: Math.floor((to - first) / step) + 1 }, (_, index) => first + index * step)
}

/** The lines through points `[x, y]`, broken where one is null; a point all alone becomes a dot. */
export function path(points) {
  let isDown = false
  return points
    .map((point, index) => {
      if (!point) {
        isDown = false
        return ""
      }
      const [x, y] = point.map((value) => Math.round(value * 10) / 10)
      const isAlone = !isDown && !points[index + 1]
      const drawn = `${isDown ? "L" : "M"}${x} ${y}${isAlone ? "h0" : ""}`
      isDown = true
      return drawn
    })
    .join("")
}
