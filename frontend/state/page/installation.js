const WORKER = "/sw.js"

/**
 * The page as an app of this computer: whether the browser offers to install it, and whether it opens without the
 * gateway. Says "change". To be made before anything is waited for, since the browser offers only once.
 */
export default class Installation extends EventTarget {
  #offer = null
  #registration = null
  worksOffline = false

  constructor() {
    super()
    addEventListener("beforeinstallprompt", (event) => {
      event.preventDefault() // no bar of the browser's own: the settings have a button
      this.#take(event)
    })
    addEventListener("appinstalled", () => this.#take(null))
  }

  get canInstall() {
    return this.#offer !== null
  }

  /** Asks the reader, in the browser's own words. True when they agreed. The browser lets each offer be used once. */
  async install() {
    const offer = this.#offer
    if (!offer) return false
    this.#take(null)
    await offer.prompt()
    return (await offer.userChoice).outcome === "accepted"
  }

  /**
   * Has the page's own files kept for when the gateway is down. Browsers allow this on 127.0.0.1, localhost and https
   * alone, and some not in private windows: elsewhere the page does without, and `worksOffline` stays false.
   */
  register() {
    this.#registration ??= this.#register()
    return this.#registration
  }

  async #register() {
    if (!navigator.serviceWorker) return
    try {
      await navigator.serviceWorker.register(trusted(WORKER), { updateViaCache: "none" })
      await navigator.serviceWorker.ready
    } catch {
      return
    }
    this.worksOffline = true
    this.dispatchEvent(new Event("change"))
  }

  #take(offer) {
    this.#offer = offer
    this.dispatchEvent(new Event("change"))
  }
}

/** The page's policy wants a script's address to come through here; only the worker's own does. */
function trusted(address) {
  const createScriptURL = (wanted) => (wanted === WORKER ? wanted : null)
  return globalThis.trustedTypes?.createPolicy("passerelle", { createScriptURL }).createScriptURL(address) ?? address
}
