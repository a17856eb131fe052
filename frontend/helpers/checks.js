import Fault from "../fault.js"

/**
 * Checks of what comes from a file that anybody may have written. Each gives the value back, or throws a Fault with the
 * `place` where the file is wrong. Objects are only ever read name by name, so that no name in a file means anything.
 */

/** A Fault of an import: kind "import_wrong", "import_foreign", "import_newer" or "import_too_large", and where. */
export function importFault(kind, place) {
  return Object.assign(new Fault(kind), { place })
}

export function object(value, place) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw importFault("import_wrong", place)
  return value
}

export function list(value, place, most) {
  if (!Array.isArray(value)) throw importFault("import_wrong", place)
  if (value.length > most) throw importFault("import_too_large", place)
  return value
}

export function text(value, place, most) {
  if (typeof value !== "string") throw importFault("import_wrong", place)
  if (value.length > most) throw importFault("import_too_large", place)
  return value
}

export function number(value, place, most = Number.MAX_SAFE_INTEGER) {
  if (typeof value !== "number" || !(value >= 0 && value <= most)) throw importFault("import_wrong", place)
  return value
}

export function boolean(value, place) {
  if (typeof value !== "boolean") throw importFault("import_wrong", place)
  return value
}

export function choice(value, place, choices) {
  if (!choices.includes(value)) throw importFault("import_wrong", place)
  return value
}

/** `fallback` for what is not there; null counts as that. */
export function orElse(value, fallback, check) {
  return value === undefined || value === null ? fallback : check(value)
}
