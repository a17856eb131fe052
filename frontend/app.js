// Builds the page's parts and connects them; every part knows only what it is given here.
import Catalog from "./state/catalog.js"
import Comparison from "./state/comparison.js"
import Fault from "./state/fault.js"
import History from "./state/history.js"
import Installation from "./state/installation.js"
import Libraries from "./state/libraries.js"
import Management from "./state/management.js"
import Presets from "./state/presets.js"
import Prompt from "./state/prompt.js"
import Pulls from "./state/pulls.js"
import Route from "./state/route.js"
import Settings from "./state/settings.js"
import Words from "./state/words.js"

const LIBRARIES_PATIENCE_MS = 1500

const page = document.getElementById("page")
const missing = document.getElementById("libraries")
const late = setTimeout(() => (missing.hidden = false), LIBRARIES_PATIENCE_MS)
const views = import("./views/app.js")
views.catch(() => clearTimeout(late))

const installation = new Installation() // first of all: the browser offers only once
const [words, presets] = await Promise.all([Words.load(), Presets.load()])
const settings = new Settings()
const route = new Route()
const catalog = new Catalog(settings)
const libraries = new Libraries()
const management = new Management({ settings, catalog })
const history = new History(settings)
const pulls = new Pulls({ settings, catalog })
const prompt = new Prompt({ words, settings, catalog, presets })
const comparison = new Comparison({ settings, catalog, prompt })
const ways = {
  to_key: () => goTo("key"),
  to_model: () => goTo("model"),
  to_endpoint: () => goTo("endpoint"),
  look_again: () => catalog.refresh(),
}
const parts = { words, presets, settings, route, catalog, management, pulls, history, libraries, prompt, comparison, installation, ways, open }
let opening

document.addEventListener("visibilitychange", () => document.hidden || catalog.refresh())
try {
  const { draw } = await views
  draw(page, parts)
  missing.hidden = true
  page.hidden = false
} catch (fault) {
  if (!(fault instanceof Fault)) throw fault
  missing.hidden = false
} finally {
  clearTimeout(late)
}
libraries.load()
catalog.refresh()
open()
installation.register()

/** Opens the conversations, once: their views wait for it, the first paint does not. */
function open() {
  opening ??= (async () => {
    const [{ default: Conversations }, { default: Chat }] = await Promise.all([import("./state/conversations.js"), import("./state/chat.js")])
    parts.conversations = await Conversations.open()
    parts.chat = new Chat(parts)
  })()
  return opening
}

/** Goes to a field: in this view where it has it, else in the settings. A folded panel opens. */
function goTo(id) {
  const field = document.getElementById(id)
  if (!field) return route.go("settings", id)
  for (let box = field.closest("details"); box; box = box.parentElement.closest("details")) box.open = true
  field.focus()
  field.select?.()
}
