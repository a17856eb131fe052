import Fault from "../../fault.js"
import * as check from "../../helpers/checks.js"
import { contentOf } from "../../helpers/file_content.js"

const FORMAT = "passerelle-everything"
const VERSION = 1
const NOTHING = { added: 0, skipped: 0, faults: [] }

/**
 * Everything that the reader has in this browser, as one file: conversations, own prompts, settings. Never a key; nor
 * the endpoint and its model, which belong to one machine, and which a file from elsewhere must not choose.
 */
export default class Archive {
  #parts

  /** `open()` gives the promise that `parts.conversations` is there. */
  constructor(parts) {
    this.#parts = parts
  }

  async exportJson() {
    const { conversations, presets, settings, words } = await this.#opened()
    return {
      format: FORMAT,
      version: VERSION,
      exportedAt: new Date().toISOString(),
      settings: { language: words.language, theme: settings.theme, parameters: settings.parameters },
      presets: presets.exportJson(),
      conversations: await conversations.exportJson(),
    }
  }

  /**
   * Adds what a file holds: one of these, or of conversations or prompts alone. Gives `{conversations, presets, faults}`,
   * the first two as `{added, skipped}`; what is damaged is left out and named in `faults`.
   */
  async importFile(file) {
    const content = await contentOf(file)
    const { conversations, presets } = await this.#opened()
    if (content.format === FORMAT) return this.#importAll(content)
    if (content.format === "passerelle-presets") return outcome(NOTHING, presets.importJson(content))
    return outcome(await conversations.importFile(file), NOTHING)
  }

  async #importAll({ version, settings, presets: prompts, conversations: talks }) {
    if (check.number(version, "version") > VERSION) throw check.importFault("import_newer", "version")
    const { conversations, presets } = this.#parts
    const told = outcome(
      await attempt(() => conversations.importJson(talks)),
      await attempt(() => presets.importJson(prompts)),
    )
    this.#takeSettings(check.object(settings, "settings"))
    return told
  }

  /** Each setter leaves alone, or makes nothing of, what it does not know. */
  #takeSettings({ language, theme, parameters }) {
    const { settings, words } = this.#parts
    settings.theme = theme
    settings.parameters = parameters
    words.use(language)
  }

  async #opened() {
    await this.#parts.open()
    return this.#parts
  }
}

function outcome({ faults: one, ...conversations }, { faults: other, ...presets }) {
  return { conversations, presets, faults: [...one, ...other] }
}

async function attempt(work) {
  try {
    return await work()
  } catch (fault) {
    if (fault instanceof Fault) return { ...NOTHING, faults: [fault] }
    throw fault
  }
}
