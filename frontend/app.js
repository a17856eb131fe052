// Builds the page's parts and connects them; every part knows only what it is given here.
import { presets } from "./gateway.js"
import { load } from "./langchain_client.js"
import Catalog from "./state/catalog.js"
import Fault from "./state/fault.js"
import Generation from "./state/generation.js"
import Settings from "./state/settings.js"
import Words from "./state/words.js"
import Answer from "./views/answer.js"
import Composer from "./views/composer.js"
import Configuration from "./views/configuration.js"
import Notice from "./views/notice.js"
import StatusPill from "./views/status_pill.js"
import Translation from "./views/translation.js"

const LIBRARIES_PATIENCE_MS = 1500

const at = (id) => document.getElementById(id)
const [words, readyMade] = await Promise.all([Words.load(), presets()])
const settings = new Settings()
const catalog = new Catalog(settings)
let generation = null

new Translation(words)
new StatusPill(at("status"), { words, settings, catalog })
const configuration = new Configuration(at("configuration"), { words, settings, catalog })
const composer = new Composer(at("composer"), words, readyMade)
const ways = {
  to_key: () => configuration.goTo("key"),
  to_model: () => configuration.goTo("model"),
  to_endpoint: () => configuration.goTo("endpoint"),
  to_prompt: () => composer.goToQuestion(),
  look_again: () => catalog.refresh(),
}
const answer = new Answer(at("answer"), { words, catalog, ways: { ...ways, retry: send }, footer: at("actions") })
const catalogNotice = new Notice(at("catalog-notice"), words, { ...ways, retry: () => catalog.refresh() })
const librariesNotice = new Notice(at("libraries-notice"), words, { retry: loadLibraries })

function send() {
  if (generation?.isRunning) return
  const { system, human } = composer.prompts
  if (!human) return answer.refuse(new Fault("no_question"))
  if (!settings.isReachable) return answer.refuse(new Fault("endpoint_wrong"))
  const { temperature, maxTokens } = settings
  const model = catalog.model
  const request = { system, human, model: model?.id ?? "", isDemo: Boolean(model?.is_demo), temperature, maxTokens }
  generation = new Generation(request, settings)
  generation.addEventListener("end", afterwards)
  composer.isRunning = true
  answer.show(generation)
  generation.run()
}

/** A model is in memory now, or the server has just shown that something is wrong: look again. */
function afterwards() {
  composer.isRunning = false
  catalog.refresh()
}

/** Once is enough: a fault that the answer explains already is not repeated above it. */
function showCatalogFault() {
  const isExplained = catalog.fault && catalog.fault.kind === generation?.fault?.kind
  catalogNotice.show(isExplained ? null : catalog.fault, { host: settings.host })
}

async function loadLibraries() {
  const late = setTimeout(() => librariesNotice.show(new Fault("libraries_slow")), LIBRARIES_PATIENCE_MS)
  try {
    await load()
    librariesNotice.show(null)
  } catch (fault) {
    librariesNotice.show(fault)
  } finally {
    clearTimeout(late)
  }
}

catalog.addEventListener("change", showCatalogFault)
composer.addEventListener("send", send)
composer.addEventListener("stop", () => generation?.stop())
document.addEventListener("visibilitychange", () => document.hidden || catalog.refresh())
at("page").hidden = at("languages").hidden = false
loadLibraries()
catalog.refresh()
