/**
 * What a reader may set for an answer. `null` means "as the model has it": nothing is sent. `usual` is where the
 * slider stands then, for a model that does not tell its own default.
 */
export const PARAMETERS = {
  temperature: { min: 0, max: 2, step: 0.05, usual: 0.7 },
  topP: { min: 0.05, max: 1, step: 0.05, usual: 1 },
  maxTokens: { min: 1, max: 1_000_000, step: 1, usual: null },
  seed: { min: 0, max: 2_147_483_647, step: 1, usual: null },
}

/** A value within its bounds, or null for nothing or nonsense. */
export function bounded(name, value) {
  const { min, max, step } = PARAMETERS[name]
  const number = value === "" || value === null || value === undefined ? NaN : Number(value)
  if (!Number.isFinite(number) || number < min || number > max) return null
  return step === 1 ? Math.floor(number) : number
}

/** Only what is known and within its bounds: for what comes from a file, a database or another tab. */
export function checked(parameters) {
  const known = Object.keys(PARAMETERS).map((name) => [name, bounded(name, parameters?.[name])])
  return Object.fromEntries(known.filter(([, value]) => value !== null))
}

/** The defaults in an Ollama model's own parameters, which are lines such as `temperature 0.6`. */
export function toldDefaults(text) {
  const lines = typeof text === "string" ? text.split("\n").map((line) => line.trim().split(/\s+/)) : []
  const told = Object.fromEntries(lines.map(([name, value]) => [name, value]))
  return checked({ temperature: told.temperature, topP: told.top_p })
}
