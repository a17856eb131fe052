import { html, useEffect, useRef, useState } from "../../helpers/interface.js"
import { MODIFIER } from "../../helpers/keys.js"
import { areLetterKeysOn, isLetterKey, turnLetterKeys } from "../../helpers/shortcuts.js"
import { useApp } from "./context.js"
import { IconButton } from "./icons.js"
import { Sheet } from "./sheet.js"

const PATIENCE_MS = 1500
const VIEW_KEYS = { prompt: "p", chat: "c", compare: "o", models: "m", stats: "s", settings: "r" }

/** The button in the header and the list of keys that it opens, as `?` does; and `g` with a letter, which goes to a view. */
export function Keys({ views }) {
  const { words, route } = useApp()
  const [isOpen, setOpen] = useState(false)
  const wentAt = useRef(-Infinity)
  useEffect(() => {
    const listen = (event) => {
      if (!isLetterKey(event)) return
      const view = views.find((name) => VIEW_KEYS[name] === event.key)
      if (event.key === "?") setOpen(true)
      else if (view && performance.now() - wentAt.current < PATIENCE_MS) route.go(view)
      wentAt.current = event.key === "g" ? performance.now() : -Infinity
    }
    document.addEventListener("keydown", listen)
    return () => document.removeEventListener("keydown", listen)
  }, [views, route])
  return html`<${IconButton} icon="keys" id="show-keys" label=${words.t("keys_title")} onClick=${() => setOpen(true)} />
    <${Sheet} id="keys-list" side="middle" title=${words.t("keys_title")} isOpen=${isOpen} onClose=${() => setOpen(false)}><${KeysList} views=${views} /><//>`
}

function KeysList({ views }) {
  const { words } = useApp()
  const [isOn, setOn] = useState(areLetterKeysOn())
  const turn = (event) => {
    turnLetterKeys(event.target.checked)
    setOn(event.target.checked)
  }
  const [enter, shift, esc] = [words.t("key_enter"), words.t("key_shift"), words.t("key_escape")]
  return html`
    <${Group} title=${words.t("keys_everywhere")} rows=${[
      [[["?"]], words.t("keys_title")],
      ...views.map((name) => [[["g"], [VIEW_KEYS[name]]], words.t(`view_${name}`)]),
    ]} />
    <${Group} title=${words.t("view_chat")} rows=${[
      [[[enter]], words.t("send")],
      [[[shift, enter]], words.t("key_new_line")],
      [[[esc]], words.t("stop")],
      [[["↑"]], words.t("key_edit_last")],
      [[["n"]], words.t("new_conversation")],
      [[["/"]], words.t("search_conversations")],
      [[["j"], ["k"]], words.t("key_messages")],
    ]} />
    <${Group} title=${words.t("view_prompt")} rows=${[[[[MODIFIER, enter]], words.t("send")], [[[esc]], words.t("stop")]]} />
    <label class="check"><input type="checkbox" id="letter-keys" checked=${isOn} onChange=${turn} /><span>${words.t("letter_keys")}</span></label>
    <p class="hint">${words.t("letter_keys_hint")}</p>`
}

/** `rows`: `[[key presses, what they do]]`; a key press is the keys that are held together. */
function Group({ title, rows }) {
  return html`<section class="keys-group"><h3 class="label">${title}</h3>
    <dl>${rows.map(([presses, what]) => html`<div><dt>${presses.map((held) => html`<kbd>${held.join(" + ")}</kbd> `)}</dt><dd>${what}</dd></div>`)}</dl>
  </section>`
}
