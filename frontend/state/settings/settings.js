import { recall, remember } from "../../helpers/storage.js"
import { checked } from "./parameters.js"

const LOCAL_HOSTS = ["127.0.0.1", "localhost"]
const THEMES = ["light", "dark"]

/**
 * What the reader has set. Says "change" when something does.
 *
 * Choices stay in localStorage. A key stays in sessionStorage under the endpoint it was typed for, so that it
 * leaves with the tab and never travels to another server; in localStorage only where the reader asks for it.
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
    const name = `key ${this.endpoint}`
    return recall("sessionStorage", name) ?? recall("localStorage", name) ?? ""
  }

  set key(key) {
    this.#keepKey(key.trim(), this.isKeyKept)
  }

  /** Whether the key outlives the tab. */
  get isKeyKept() {
    return recall("localStorage", `key-is-kept ${this.endpoint}`) !== null
  }

  set isKeyKept(isKept) {
    const key = this.key
    remember("localStorage", `key-is-kept ${this.endpoint}`, isKept ? "yes" : "")
    this.#keepKey(key, isKept)
  }

  #keepKey(key, isKept) {
    remember(isKept ? "sessionStorage" : "localStorage", `key ${this.endpoint}`, "")
    this.#keep(isKept ? "localStorage" : "sessionStorage", `key ${this.endpoint}`, key)
  }

  get model() {
    return recall("localStorage", `model ${this.endpoint}`) ?? ""
  }

  set model(id) {
    this.#keep("localStorage", `model ${this.endpoint}`, id)
  }

  /** What every new prompt and conversation begins with: `{temperature?, topP?, maxTokens?, seed?}`. */
  get parameters() {
    try {
      return checked(JSON.parse(recall("localStorage", "parameters")))
    } catch {
      return {}
    }
  }

  set parameters(parameters) {
    const kept = checked(parameters)
    this.#keep("localStorage", "parameters", Object.keys(kept).length ? JSON.stringify(kept) : "")
  }

  /** "light", "dark", or "" for what the system has. */
  get theme() {
    const kept = recall("localStorage", "theme")
    return THEMES.includes(kept) ? kept : ""
  }

  set theme(theme) {
    this.#keep("localStorage", "theme", THEMES.includes(theme) ? theme : "")
  }

  #keep(area, name, value) {
    remember(area, name, value)
    this.dispatchEvent(new CustomEvent("change", { detail: name.split(" ")[0] }))
  }
}
