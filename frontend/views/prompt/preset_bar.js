import { html } from "../../helpers/interface.js"
import { useApp, useChanges } from "../shared/context.js"
import { Icon } from "../shared/icons.js"

const MOST_CHIPS = 8
const FEW_CHIPS = 5

/** A chip for every preset, as long as they are few; then for some of them, and the library has the rest. */
export function PresetBar({ onLibrary }) {
  const { words, prompt, presets } = useApp()
  useChanges(presets)
  const { chosen } = prompt.text
  const all = presets.all(words.language)
  return html`<div class="presets" role="group" aria-label=${words.t("presets")} data-part="presets">
    ${[...few(all, chosen), null].map(
      (preset) => html`
      <button type="button" class="chip" key=${preset?.id ?? ""} data-preset=${preset?.id ?? "free"} aria-pressed=${String((chosen?.id ?? null) === (preset?.id ?? null))}
        title=${preset?.title} onClick=${() => prompt.text.choose(preset?.id ?? null)}>${preset ? preset.title : words.t("free_text")}</button>`,
    )}
    ${prompt.text.hasEarlier && html`<button type="button" class="link-button" data-do="earlier" onClick=${() => prompt.text.swapEarlier()}>${words.t("earlier_text")}</button>`}
    <button type="button" class="ghost" data-do="library" aria-haspopup="dialog" onClick=${onLibrary}>
      <${Icon} name="library" /><span>${all.length > MOST_CHIPS ? words.t("library_of", { n: all.length }) : words.t("library")}</span></button>
  </div>`
}

/** All, or the reader's newest and the first of the others; the chosen one is always among them. */
function few(all, chosen) {
  if (all.length <= MOST_CHIPS) return all
  const own = all.filter(({ isOwn }) => isOwn).reverse()
  const first = [...own, ...all.filter(({ isOwn }) => !isOwn)].slice(0, FEW_CHIPS)
  if (chosen && !first.some(({ id }) => id === chosen.id)) first.push(chosen)
  return first
}
