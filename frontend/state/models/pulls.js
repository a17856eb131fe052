import Pull from "./pull.js"

/** A browser has six connections for one server; answers need them, too. */
const AT_ONCE = 2

/** The downloads of this page, the latest first: they go on whatever view is shown. Says "change" when there is one more or less. */
export default class Pulls extends EventTarget {
  list = []
  #settings
  #catalog

  constructor({ settings, catalog }) {
    super()
    this.#settings = settings
    this.#catalog = catalog
  }

  /** Begins a pull, or waits for one to end. One that has ended before is taken up again; the backend goes on where it stood. */
  start(name) {
    const before = this.list.find((pull) => pull.name === name)
    if (before && !before.isEnded) return before
    const pull = new Pull(name, this.#settings)
    pull.addEventListener("end", () => {
      if (pull.phase === "done") this.#catalog.refresh()
      this.#next()
    })
    this.list = before ? this.list.map((other) => (other === before ? pull : other)) : [pull, ...this.list]
    this.#tell()
    this.#next()
    return pull
  }

  /** Takes a pull that has ended off the list. */
  dismiss(pull) {
    this.list = this.list.filter((other) => other !== pull || !other.isEnded)
    this.#tell()
  }

  #next() {
    const waiting = this.list.findLast((pull) => pull.isQueued)
    if (waiting && this.list.filter((pull) => pull.isRunning).length < AT_ONCE) waiting.run()
  }

  #tell() {
    this.dispatchEvent(new Event("change"))
  }
}
