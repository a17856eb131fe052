import * as check from "../../helpers/checks.js"
import { newId } from "../../helpers/ids.js"
import { variablesOf } from "../../helpers/template.js"
import { titleFrom } from "../conversations/message.js"

export { fill, variablesOf } from "../../helpers/template.js"

const PREFIX = "passerelle.preset."
const FORMAT = "passerelle-presets"
const VERSION = 1
const MOST = { presets: 1000, characters: 100_000, title: 300, examples: 50, variables: 100 }

/**
 * The library of prompts: those that come with the page, in every language, and the reader's own. Says "change".
 *
 * A preset is `{id, isOwn, title, system, user, examples: [{user, assistant}], variables: {name: default}}`. Each of the
 * reader's own has an entry of its own in localStorage, so that two tabs never overwrite each other's. What cannot be
 * stored stays in this tab, and `fault` is "storage_full" or "storage_refused".
 */
export default class Presets extends EventTarget {
  #builtIn
  #own = new Map()
  #unsaved = new Set()
  fault = null

  static async load() {
    const answer = await fetch(new URL("../../presets.json", import.meta.url))
    return new Presets(await answer.json())
  }

  constructor(builtIn) {
    super()
    this.#builtIn = builtIn
    this.#readAll()
    addEventListener("storage", ({ key }) => {
      if (key !== null && !key.startsWith(PREFIX)) return
      if (key === null) this.#readAll()
      else this.#read(key)
      this.#tell()
    })
  }

  /** Those that come with the page, then the reader's own, oldest first. */
  all(language) {
    const own = [...this.#own.values()].sort((one, other) => (one.id < other.id ? -1 : 1))
    return [
      ...this.#builtIn.map((preset) => inLanguage(preset, language)),
      ...own.map((preset) => ({ ...preset, isOwn: true })),
    ]
  }

  get(id, language) {
    return this.all(language).find((preset) => preset.id === id)
  }

  /** Stores one of the reader's own: a new one, or in place of the one with its id. A built-in one is saved as a copy. */
  save(preset) {
    const id = this.#own.has(preset.id) ? preset.id : newId()
    if (!this.#own.has(id) && this.#own.size >= MOST.presets) throw check.importFault("import_too_large", "presets")
    this.#keep({ ...readPreset(preset, "preset"), id })
    this.#tell()
    return this.get(id)
  }

  /** A built-in one stays. */
  remove(id) {
    if (!this.#own.delete(id)) return
    this.#unsaved.delete(id)
    this.#reach(() => stored().removeItem(PREFIX + id))
    this.#writeUnsaved() // there is room now
    this.#tell()
  }

  /** Brings one back that was removed, to where it stood. */
  restore(preset) {
    this.#keep({ ...readPreset(preset, "preset"), id: preset.id })
    this.#tell()
  }

  removeAll() {
    for (const id of [...this.#own.keys()]) this.remove(id)
  }

  /** The reader's own, or those with these ids, as an object for JSON.stringify. */
  exportJson(ids) {
    const own = [...this.#own.values()].filter(({ id }) => !ids || ids.includes(id))
    return { format: FORMAT, version: VERSION, exportedAt: new Date().toISOString(), presets: own }
  }

  /**
   * Adds what a parsed file holds, but what is there already. Gives `{added, skipped, faults}`; throws the Fault of a
   * file that is not one of ours, or too large.
   */
  importJson(file) {
    const { format, version, presets } = typeof file === "object" && file !== null ? file : {}
    if (format !== FORMAT) throw check.importFault("import_foreign", "format")
    if (version !== VERSION) throw check.importFault(version > VERSION ? "import_newer" : "import_wrong", "version")
    check.list(presets, "presets", MOST.presets - this.#own.size)
    const result = { added: 0, skipped: 0, faults: [] }
    presets.forEach((preset, index) => this.#import(preset, `presets[${index}]`, result))
    this.#tell()
    return result
  }

  #import(value, place, result) {
    try {
      const preset = readPreset(value, place)
      const isKnown = [...this.#own.values()].some((own) => sameText(own, preset))
      if (!isKnown) this.#keep({ ...preset, id: newId() })
      result[isKnown ? "skipped" : "added"]++
    } catch (fault) {
      result.faults.push(fault)
    }
  }

  #keep(preset) {
    this.#own.set(preset.id, preset)
    this.#unsaved.add(preset.id)
    this.#writeUnsaved()
  }

  #writeUnsaved() {
    this.#reach(() => {
      for (const id of this.#unsaved) {
        stored().setItem(PREFIX + id, JSON.stringify(this.#own.get(id)))
        this.#unsaved.delete(id)
      }
    })
  }

  #readAll() {
    this.#own.clear()
    this.#unsaved.clear()
    this.#reach(() =>
      Object.keys(stored())
        .filter((key) => key.startsWith(PREFIX))
        .forEach((key) => this.#read(key)),
    )
  }

  /** Whatever touches localStorage may be refused. */
  #reach(work) {
    try {
      work()
      this.fault = null
    } catch (error) {
      this.fault = error.name === "QuotaExceededError" ? "storage_full" : "storage_refused"
    }
  }

  #read(key) {
    const id = key.slice(PREFIX.length)
    try {
      this.#own.set(id, { ...readPreset(JSON.parse(stored().getItem(key)), key), id })
    } catch {
      this.#own.delete(id) // removed in another tab, or never one of ours
    }
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}

function stored() {
  return globalThis.localStorage
}

function inLanguage({ id, title, system, user, examples = [], variables = {} }, language) {
  return {
    id,
    isOwn: false,
    title: title[language],
    system: system[language],
    user: user[language],
    examples: examples.map((example) => ({ user: example.user[language], assistant: example.assistant[language] })),
    variables: { ...variables[language] },
  }
}

/** A preset that anybody may have written: known fields only, within their bounds. */
function readPreset(value, place) {
  const { title, system, user, examples, variables } = check.object(value, place)
  const text = (one, name, most = MOST.characters) => check.text(one, `${place}.${name}`, most)
  const optional = (one, name) => check.orElse(one, "", (given) => text(given, name))
  const preset = { system: optional(system, "system"), user: optional(user, "user") }
  const told = check
    .orElse(title, "", (one) => text(one, "title", MOST.title))
    .trim()
    .replace(/\s+/g, " ")
  const pairs = check.list(examples ?? [], `${place}.examples`, MOST.examples).map((pair, at) => {
    const { user: asked, assistant } = check.object(pair, `${place}.examples[${at}]`)
    return { user: text(asked, `examples[${at}].user`), assistant: text(assistant, `examples[${at}].assistant`) }
  })
  const asked = variablesOf(
    preset.system,
    preset.user,
    pairs.flatMap((pair) => [pair.user, pair.assistant]),
  )
  return {
    title: told || titleFrom(preset.user),
    ...preset,
    examples: pairs,
    variables: readVariables(variables ?? {}, `${place}.variables`, asked),
  }
}

/** Defaults only of what the texts ask for. */
function readVariables(value, place, asked) {
  const defaults = check.object(value, place)
  const names = check.list(asked, place, MOST.variables).filter((name) => Object.hasOwn(defaults, name))
  return Object.fromEntries(
    names.map((name) => [name, check.text(defaults[name], `${place}.${name}`, MOST.characters)]),
  )
}

function sameText(one, other) {
  const { id: _, ...own } = one
  return JSON.stringify(own) === JSON.stringify(other)
}
