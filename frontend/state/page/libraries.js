import Fault from "../../fault.js"
import { load } from "../../langchain_client.js"

const PATIENCE_MS = 1500

/** Whether LangChain.js is there yet, and what to say while it is not. Says "change". */
export default class Libraries extends EventTarget {
  fault = null

  async load() {
    const late = setTimeout(() => this.#say(new Fault("libraries_slow")), PATIENCE_MS)
    try {
      await load()
      this.#say(null)
    } catch (fault) {
      this.#say(fault)
    } finally {
      clearTimeout(late)
    }
  }

  #say(fault) {
    this.fault = fault
    this.dispatchEvent(new Event("change"))
  }
}
