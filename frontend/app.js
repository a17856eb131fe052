// Builds the page's parts and connects them; every part knows only what it is given here.

import Fault from "./fault.js"
import { whenIdle } from "./helpers/idle.js"
import { once } from "./helpers/once.js"
import Catalog from "./state/models/catalog.js"
import Management from "./state/models/management.js"
import Pulls from "./state/models/pulls.js"
import Installation from "./state/page/installation.js"
import Libraries from "./state/page/libraries.js"
import Route from "./state/page/route.js"
import Words from "./state/page/words.js"
import Presets from "./state/prompt/presets.js"
import Prompt from "./state/prompt/prompt.js"
import Settings from "./state/settings/settings.js"
import History from "./state/stats/history.js"

const LIBRARIES_PATIENCE_MS = 1500

const page = document.getElementById("page")
const missing = document.getElementById("libraries")
const late = setTimeout(() => (missing.hidden = false), LIBRARIES_PATIENCE_MS)
const views = import("./views/app.js")
views.catch(() => clearTimeout(late))

const installation = new Installation() // first of all: the browser offers only once
const settings = new Settings()
const route = new Route()
const catalog = new Catalog(settings)
catalog.refresh() // the answer comes while the page is drawn
const [words, presets] = await Promise.all([Words.load(), Presets.load()])
const libraries = new Libraries()
const management = new Management({ settings, catalog })
const history = new History(settings)
const pulls = new Pulls({ settings, catalog })
const prompt = new Prompt({ words, settings, catalog, presets })
const ways = {
  to_key: () => goTo("key"),
  to_model: () => goTo("model"),
  to_endpoint: () => goTo("endpoint"),
  look_again: () => catalog.refresh(),
}

/** The conversations: their views wait for them, the first paint does not. */
const open = once(async () => {
  const [{ default: Conversations }, { default: Chat }] = await Promise.all([
    import("./state/conversations/conversations.js"),
    import("./state/chat/chat.js"),
  ])
  parts.conversations = await Conversations.open()
  parts.chat = new Chat(parts)
})

/** The comparison, which only its own view asks for. */
const compare = once(async () => {
  const { default: Comparison } = await import("./state/compare/comparison.js")
  parts.comparison = new Comparison(parts)
})

/** What waits until the first view stands, if nobody asks for it before. */
const rest = once(async () => {
  whenIdle(() => libraries.load())
  whenIdle(() => open().catch(() => {})) // whoever needs them asks again, and says so if they don't come
  whenIdle(() => installation.register())
})

const parts = {
  words,
  presets,
  settings,
  route,
  catalog,
  management,
  pulls,
  history,
  libraries,
  prompt,
  installation,
  ways,
  open,
  compare,
  rest,
}

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

/** Goes to a field: in this view where it has it, else in the settings. A folded panel opens. */
function goTo(id) {
  const field = document.getElementById(id)
  if (!field) return route.go("settings", id)
  for (let box = field.closest("details"); box; box = box.parentElement.closest("details")) box.open = true
  field.focus()
  field.select?.()
}
