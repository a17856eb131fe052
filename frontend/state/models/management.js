import Fault from "../../fault.js"
import { deleteModel, loadModel, unloadModel } from "../../gateway.js"

const CHANGES = { load: loadModel, unload: unloadModel, delete: deleteModel }

/** What may be done to the backend's models, and what is being done to them. Says "change". */
export default class Management extends EventTarget {
  #settings
  #catalog
  #underWay = new Map()
  #faults = new Map()

  constructor({ settings, catalog }) {
    super()
    this.#settings = settings
    this.#catalog = catalog
  }

  /** Whether anybody knows: not of a foreign endpoint, and not without a key where keys are wanted. */
  get isKnown() {
    return this.#settings.isOwnGateway && Array.isArray(this.#told?.can)
  }

  /** Whether the gateway's settings allow it. */
  get isEnabled() {
    return this.isKnown && this.#told.enabled === true
  }

  /** Whether the backend has something for it: load, unload, pull, delete. Without a verb: for any of it. */
  isPossible(verb) {
    return this.isKnown && (verb ? this.#told.can.includes(verb) : this.#told.can.length > 0)
  }

  can(verb) {
    return this.isEnabled && this.isPossible(verb)
  }

  /** The verb under way for a model, or null. */
  underWay(id) {
    return this.#underWay.get(id) ?? null
  }

  /** Why the last change of a model failed, or null. */
  fault(id) {
    return this.#faults.get(id) ?? null
  }

  /** Whether it was done. `isForced`: though other names of the same weights leave memory, too. */
  async change(verb, id, isForced = false) {
    if (this.#underWay.has(id)) return false
    this.#underWay.set(id, verb)
    this.#faults.delete(id)
    this.#tell()
    try {
      await CHANGES[verb](this.#settings, id, isForced)
    } catch (fault) {
      this.#faults.set(id, fault instanceof Fault ? fault : new Fault("unknown"))
    }
    await this.#catalog.refresh()
    this.#underWay.delete(id)
    this.#tell()
    return !this.#faults.has(id)
  }

  get #told() {
    return this.#catalog.health?.manage
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}
