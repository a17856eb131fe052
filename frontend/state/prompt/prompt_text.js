import { newId } from "../../helpers/ids.js"
import { recall, remember } from "../../helpers/storage.js"
import { fill, variablesOf } from "./presets.js"

const BLANK = { system: "", human: "", examples: [] }
const KEPT = "prompt"

/**
 * What stands in the Prompt view: the prompts, the few-shot examples between them and the values of their variables, from
 * a preset or the reader's own. Kept as long as the tab, so that a reload loses nothing. Says "change".
 */
export default class PromptText extends EventTarget {
  #parts
  #chosen = null
  #free = BLANK
  #earlier = null
  #shown = BLANK
  #values = new Map() // `${preset's id} ${variable}` → what was typed; no id for the free text
  /** The id of the reader's own preset that the free text began as, or null. */
  origin = null

  constructor(parts) {
    super()
    this.#parts = parts
    const first = parts.presets.all(parts.words.language)[0]?.id ?? null
    this.#show(this.#recall(first))
    for (const source of [parts.words, parts.presets]) source.addEventListener("change", () => this.#follow())
  }

  /** The preset in use; null for the reader's own text. */
  get chosen() {
    return this.#chosen
  }

  get system() {
    return this.#shown.system
  }

  get human() {
    return this.#shown.human
  }

  /** `[{id, user, assistant}]` */
  get examples() {
    return this.#shown.examples
  }

  /** `[{name, value}]` for every `{{name}}` in the texts, each once. */
  get variables() {
    const defaults = this.chosen?.variables ?? {}
    const examples = this.examples.flatMap(({ user, assistant }) => [user, assistant])
    return variablesOf(this.system, ...examples, this.human).map((name) => {
      const standard = Object.hasOwn(defaults, name) ? defaults[name] : ""
      return { name, value: this.#values.get(this.#key(name)) ?? standard }
    })
  }

  /** What is sent: everything filled in, examples as if they had been said before. What has no value keeps its braces. */
  get messages() {
    const values = Object.fromEntries(
      this.variables.filter(({ value }) => value.trim()).map(({ name, value }) => [name, value]),
    )
    const said = (role, text) => ({ role, content: fill(text.trim(), values) })
    const pairs = this.examples.filter(({ user, assistant }) => (user + assistant).trim())
    const examples = pairs.flatMap(({ user, assistant }) => [said("user", user), said("assistant", assistant)])
    return [...(this.system.trim() ? [said("system", this.system)] : []), ...examples, said("user", this.human)]
  }

  /** The first thing without which nothing is sent: `{kind: "example", id, role}` or `{kind: "variable", name}`; or null. */
  get gap() {
    for (const { id, user, assistant } of this.examples) {
      if (user.trim() && !assistant.trim()) return { kind: "example", id, role: "assistant" }
      if (assistant.trim() && !user.trim()) return { kind: "example", id, role: "user" }
    }
    const empty = this.variables.find(({ value }) => !value.trim())
    return empty ? { kind: "variable", name: empty.name } : null
  }

  /** Whether there is a free text that another one has replaced. */
  get hasEarlier() {
    return this.#earlier !== null
  }

  // -- presets

  /** Shows a preset, or the free text for null. */
  choose(id) {
    this.#show(id)
    this.#tell()
  }

  /** Shows the free text that was replaced; the one that replaced it takes its place. */
  swapEarlier() {
    const now = this.#free
    this.#free = this.#earlier
    this.#earlier = now
    this.origin = null
    this.choose(null)
  }

  /** Stores what stands here under a name, in place of a preset with that id or as a new one. Gives the preset. */
  save(title, id) {
    const { system, human: user, variables } = this
    const examples = this.examples.map(({ user: asked, assistant }) => ({ user: asked, assistant }))
    const defaults = Object.fromEntries(variables.map(({ name, value }) => [name, value]))
    const saved = this.#parts.presets.save({ id, title, system, user, examples, variables: defaults })
    for (const { name } of variables) this.#values.delete(`${saved.id} ${name}`)
    this.choose(saved.id)
    return saved
  }

  // -- typing: it makes the free text of whatever stood here

  type(part, text) {
    this.#edit({ [part]: text })
  }

  typeExample(id, role, text) {
    this.#edit({ examples: this.examples.map((one) => (one.id === id ? { ...one, [role]: text } : one)) })
  }

  /** Gives the new example's id. */
  addExample() {
    const id = newId()
    this.#edit({ examples: [...this.examples, { id, user: "", assistant: "" }] })
    return id
  }

  removeExample(id) {
    this.#edit({ examples: this.examples.filter((one) => one.id !== id) })
  }

  /** One place up (-1) or down (1). */
  moveExample(id, by) {
    const examples = [...this.examples]
    const from = examples.findIndex((one) => one.id === id)
    examples.splice(from + by, 0, ...examples.splice(from, 1))
    this.#edit({ examples })
  }

  /** Gives a variable its value; a preset stays chosen. */
  fill(name, value) {
    this.#values.set(this.#key(name), value)
    this.#tell()
  }

  // Private

  #key(name) {
    return `${this.#chosen?.id ?? ""} ${name}`
  }

  #show(id) {
    const { presets, words } = this.#parts
    this.#chosen = (id !== null && presets.get(id, words.language)) || null
    this.#shown = this.#chosen ? shown(this.#chosen) : this.#free
  }

  #edit(fields) {
    if (this.#chosen) {
      if (saysSomething(this.#free)) this.#earlier = this.#free
      this.#leave()
    }
    this.#shown = { ...this.#shown, ...fields }
    this.#free = this.#shown
    this.#tell()
  }

  #leave() {
    const { variables, chosen } = this
    this.origin = chosen.isOwn ? chosen.id : null
    this.#chosen = null
    for (const { name, value } of variables) this.#values.set(this.#key(name), value)
  }

  /** The language or the library has changed. A preset that was deleted leaves its text. */
  #follow() {
    if (!this.#chosen) return
    const { presets, words } = this.#parts
    if (!presets.get(this.#chosen.id, words.language)) return this.#edit({})
    this.choose(this.#chosen.id)
  }

  #recall(first) {
    try {
      const { id, free, earlier, origin, values } = JSON.parse(recall("sessionStorage", KEPT))
      const { system, human, examples } = free
      this.#values = new Map(values)
      this.#free = { system, human, examples }
      this.#earlier = earlier ?? null
      this.origin = origin
      return id
    } catch {
      return first
    }
  }

  #tell() {
    const kept = {
      id: this.#chosen?.id ?? null,
      free: this.#free,
      earlier: this.#earlier,
      origin: this.origin,
      values: [...this.#values],
    }
    remember("sessionStorage", KEPT, JSON.stringify(kept))
    this.dispatchEvent(new Event("change"))
  }
}

function saysSomething({ system, human, examples }) {
  return Boolean((system + human).trim()) || examples.length > 0
}

function shown({ id, system, user, examples }) {
  return { system, human: user, examples: examples.map((pair, index) => ({ id: `${id}-${index}`, ...pair })) }
}
