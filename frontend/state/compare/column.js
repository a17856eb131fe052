import Generation from "../generation/generation.js"

let count = 0

/** One column of a comparison: a model, its parameters, and what it answered last. */
export default class Column {
  id = `c${++count}`
  generation = null
  isQueued = false

  constructor(model, parameters) {
    this.model = model
    this.parameters = parameters
  }

  get isRunning() {
    return this.isQueued || Boolean(this.generation?.isRunning)
  }

  /** Waits for its turn; the answer before is gone. */
  queue() {
    this.generation = null
    this.isQueued = true
  }

  /** A Generation of this column's model that has not begun yet. */
  ask(messages, { settings, catalog }) {
    const isDemo = Boolean(catalog.find(this.model)?.is_demo)
    return new Generation({ messages, model: this.model, isDemo, parameters: this.parameters }, settings)
  }

  stop() {
    this.isQueued = false
    this.generation?.stop()
  }
}
