import Fault from "../fault.js"
import { html, render, useEffect, useState } from "../helpers/interface.js"
import { address } from "../state/page/route.js"
import { AppContext, useApp, useChanges } from "./shared/context.js"
import { Icon } from "./shared/icons.js"
import { Keys } from "./shared/keys_dialog.js"
import { Notice } from "./shared/notice.js"
import { StatusPill } from "./shared/status_pill.js"

/** The views, by their names in the address; each comes when it is first asked for. */
const VIEWS = {
  prompt: async () => (await import("./prompt/prompt_view.js")).PromptView,
  chat: async ({ open }) => (await Promise.all([import("./chat/chat_view.js"), open()]))[0].ChatView,
  compare: async ({ compare }) => (await Promise.all([import("./compare/compare_view.js"), compare()]))[0].CompareView,
  models: async () => (await import("./models/models_view.js")).ModelsView,
  stats: async () => (await import("./stats/stats_view.js")).StatsView,
  settings: async () => (await import("./settings/settings_view.js")).SettingsView,
}

/** Draws the page into `root`; `app` holds its parts, see app.js. */
export function draw(root, app) {
  render(html`<${AppContext.Provider} value=${app}><${App} /><//>`, root)
}

function App() {
  const { words, settings, route } = useApp()
  useChanges(words, settings, route)
  useEffect(() => {
    document.documentElement.lang = words.language
    document.documentElement.dataset.theme = settings.theme
  })
  return html`
    <${Header} />
    <${Notices} />
    <main id="main" data-view=${route.view}><${View} name=${route.view} key=${route.view} /></main>`
}

function Header() {
  const { words, route, chat } = useApp()
  const place = (name) =>
    name === "chat" ? address(name, route.view === name ? route.id : chat?.current) : address(name)
  return html`<header class="bar">
    <a class="brand" href=${address("prompt")}>
      <svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><path d="M3 22h26M5.5 22c1-10 20-10 21 0M10.5 22v-5.5M16 22v-7.5M21.5 22v-5.5" /></svg>
      <h1>Passerelle</h1>
    </a>
    <nav class="views" aria-label=${words.t("views")}>
      ${Object.keys(VIEWS).map(
        (
          name,
        ) => html`<a key=${name} href=${place(name)} data-view=${name} aria-current=${route.view === name ? "page" : undefined}>
        <${Icon} name=${name} /><span>${words.t(`view_${name}`)}</span></a>`,
      )}
    </nav>
    <${StatusPill} />
    <${Keys} views=${Object.keys(VIEWS)} />
    <div class="languages" id="languages" role="group" aria-label="Language / Langue">
      ${[
        ["fr", "FR, français"],
        ["en", "EN, English"],
      ].map(
        ([language, label]) => html`<button type="button" key=${language} data-language=${language} lang=${language}
        aria-label=${label} aria-pressed=${String(words.language === language)} onClick=${() => words.use(language)}>${language.toUpperCase()}</button>`,
      )}
    </div>
  </header>`
}

/** Faults of the whole page. One that the view explains already is not repeated. */
function Notices() {
  const { route, catalog, libraries, prompt, chat, comparison } = useApp()
  useChanges(catalog, libraries, prompt, chat, comparison)
  const answers = {
    prompt: [prompt.generation],
    chat: [chat?.newest],
    compare: comparison?.columns.map(({ generation }) => generation),
  }
  const isExplained = catalog.fault && answers[route.view]?.some((answer) => answer?.fault?.kind === catalog.fault.kind)
  return html`<div class="notices">
    <div id="libraries-notice"><${Notice} fault=${libraries.fault} ways=${{ retry: () => libraries.load() }} /></div>
    <div id="catalog-notice"><${Notice} fault=${isExplained ? null : catalog.fault} ways=${{ retry: () => catalog.refresh() }} /></div>
  </div>`
}

function View({ name }) {
  const app = useApp()
  const [component, setComponent] = useState(null)
  const [fault, setFault] = useState(null)
  const load = () => {
    setFault(null)
    VIEWS[name](app).then(
      (found) => setComponent(() => found),
      (thrown) => setFault(thrown instanceof Fault ? thrown : new Fault("gateway_down")),
    )
  }
  useEffect(load, [name])
  useEffect(() => {
    if (component) app.rest()
  }, [component])
  return component ? html`<${component} />` : html`<div><${Notice} fault=${fault} ways=${{ retry: load }} /></div>`
}
