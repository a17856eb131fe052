import Fault from "../../fault.js"
import { details, health, models } from "../../gateway.js"
import { toldDefaults } from "../settings/parameters.js"

const PASSING = ["gateway_down", "endpoint_down", "backend_down"]
const AGAIN_MS = 2000

/** What the endpoint offers: its models, its backend, or the fault that hides them. Says "change". */
export default class Catalog extends EventTarget {
  #settings
  #first = ""
  #turn = 0
  #timer = 0
  #defaults = new Map()
  list = []
  health = null
  fault = null
  isLooking = true

  constructor(settings) {
    super()
    this.#settings = settings
  }

  /** The model that the reader chose, or the server's own choice; null where there is none. */
  get model() {
    const wanted = this.#settings.model
    return this.list.find(({ id }) => id === wanted) ?? this.list.find(({ id }) => id === this.#first) ?? null
  }

  find(id) {
    return this.list.find((model) => model.id === id) ?? null
  }

  /** What a model does when nothing is asked of it: `{temperature?, topP?}`, as far as the gateway is told. Never rejects. */
  async defaults(id) {
    if (!id || !this.#settings.isOwnGateway) return {}
    if (!this.#defaults.has(id)) {
      const told = details(this.#settings, id).then(
        (known) => toldDefaults(known.parameters),
        () => ({}),
      )
      this.#defaults.set(id, told)
    }
    return this.#defaults.get(id)
  }

  /** Looks, and looks again by itself while nobody answers. */
  async refresh() {
    clearTimeout(this.#timer)
    const turn = ++this.#turn
    const [told, offered] = await Promise.allSettled([
      this.#settings.isOwnGateway ? health(this.#settings) : null,
      models(this.#settings),
    ])
    if (turn !== this.#turn) return // the endpoint or the key has changed meanwhile
    this.#take(told, offered)
    if (PASSING.includes(this.fault?.kind)) this.#timer = setTimeout(() => this.refresh(), AGAIN_MS)
    this.dispatchEvent(new Event("change"))
  }

  #take(told, offered) {
    this.isLooking = false
    this.health = told.value ?? null
    this.list = offered.value?.list ?? []
    this.#first = offered.value?.first ?? ""
    this.fault = offered.reason ?? null
    if (this.health?.ok === false) this.fault = new Fault("backend_down", this.health.backend?.message ?? "")
    if (this.fault && !(this.fault instanceof Fault)) this.fault = new Fault("unknown")
  }
}
