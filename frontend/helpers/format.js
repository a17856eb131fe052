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

export function wordCount(text) {
  return text.match(/\S+/g)?.length ?? 0
}

const BACKENDS = { ollama: "Ollama", lmstudio: "LM Studio", openai: "OpenAI API" }

export function backendName(words, name) {
  return name === "embedded" ? words.t("backend_embedded") : BACKENDS[name] ?? name
}
