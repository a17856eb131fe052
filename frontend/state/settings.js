import { recall, remember } from "../helpers/storage.js"

const LOCAL_HOSTS = ["127.0.0.1", "localhost"]

/**
 * What the reader has set. Says "change" when something does.
 *
 * Choices stay in localStorage. A key stays in sessionStorage under the endpoint it was typed for, so that it
 * leaves with the tab and never travels to another server. Prompts and answers are stored nowhere.
 */
export default class Settings extends EventTarget {
  own = new URL("/v1", location.href).href
  #endpoint = recall("localStorage", "endpoint") ?? ""

  get endpoint() {
    return this.#endpoint || this.own
  }

  set endpoint(address) {
    const trimmed = address.trim().replace(/\/+$/, "")
    this.#endpoint = trimmed === this.own ? "" : trimmed
    this.#keep("localStorage", "endpoint", this.#endpoint)
  }

  get isOwnGateway() {
    return this.endpoint === this.own
  }

  get host() {
    return URL.canParse(this.endpoint) ? new URL(this.endpoint).host : this.endpoint
  }

  /** Whether the page's own policy (connect-src) lets it call the endpoint. */
  get isReachable() {
    if (!URL.canParse(this.endpoint)) return false
    const url = new URL(this.endpoint)
    return url.origin === location.origin || (url.protocol === "http:" && LOCAL_HOSTS.includes(url.hostname))
  }

  get key() {
    return recall("sessionStorage", `key ${this.endpoint}`) ?? ""
  }

  set key(key) {
    this.#keep("sessionStorage", `key ${this.endpoint}`, key.trim())
  }

  get model() {
    return recall("localStorage", `model ${this.endpoint}`) ?? ""
  }

  set model(id) {
    this.#keep("localStorage", `model ${this.endpoint}`, id)
  }

  get temperature() {
    const kept = parseFloat(recall("localStorage", "temperature"))
    return kept >= 0 && kept <= 2 ? kept : 0.7
  }

  set temperature(value) {
    this.#keep("localStorage", "temperature", String(value))
  }

  /** A positive whole number, or null for "no limit". */
  get maxTokens() {
    const kept = parseInt(recall("localStorage", "max-tokens"), 10)
    return kept > 0 ? kept : null
  }

  set maxTokens(value) {
    const whole = Math.floor(Number(value))
    this.#keep("localStorage", "max-tokens", whole > 0 ? String(whole) : "")
  }

  #keep(area, name, value) {
    remember(area, name, value)
    this.dispatchEvent(new CustomEvent("change", { detail: name.split(" ")[0] }))
  }
}
