/** Figures as the reader's language writes them. `words` gives the language and the units. */

export function number(words, value, digits = 0) {
  return new Intl.NumberFormat(words.language, { maximumFractionDigits: digits }).format(value)
}

export function duration(words, milliseconds) {
  if (milliseconds < 1000) return words.t("milliseconds", { n: number(words, milliseconds) })
  return words.t("seconds", { n: number(words, milliseconds / 1000, milliseconds < 100000 ? 1 : 0) })
}

/** Waiting is counted in whole seconds: tenths would only flicker. */
export function wholeSeconds(words, milliseconds) {
  return words.t("seconds", { n: number(words, Math.floor(milliseconds / 1000)) })
}

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"]

/** A size as people say it: 2.02 GB, in French 2,02 Go. */
export function size(words, bytes) {
  const step = Math.min(SIZES.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)))
  return unit(words, bytes / 1000 ** step, SIZES[step], 3)
}

const SPANS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
]

/** A longer time in its two largest units: 2 hr 5 min. */
export function span(words, seconds) {
  const whole = Math.max(0, Math.round(seconds))
  const from = Math.max(
    0,
    SPANS.findIndex(([, length]) => whole >= length),
  )
  const [[name, length], finer] = whole < 1 ? [SPANS.at(-1)] : [SPANS[from], SPANS[from + 1]]
  const rest = finer ? Math.floor((whole % length) / finer[1]) : 0
  const parts = [unit(words, Math.floor(whole / length), name)]
  return [...parts, ...(rest ? [unit(words, rest, finer[0])] : [])].join(" ")
}

function unit(words, value, name, digits) {
  const style = name === "byte" || SPANS[0][0] === name ? "long" : "short"
  return new Intl.NumberFormat(words.language, {
    style: "unit",
    unit: name,
    unitDisplay: style,
    maximumSignificantDigits: digits,
  }).format(value)
}

export function wordCount(text) {
  return text.match(/\S+/g)?.length ?? 0
}

const BACKENDS = { ollama: "Ollama", lmstudio: "LM Studio", openai: "OpenAI API" }

export function backendName(words, name) {
  return name === "embedded" ? words.t("backend_embedded") : (BACKENDS[name] ?? name)
}
