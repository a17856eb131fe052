import { isComposing } from "./keys.js"
import { recall, remember } from "./storage.js"

const NAME = "letter-keys"
const FIELDS =
  "input:not([type=checkbox], [type=radio], [type=range], [type=button], [type=submit], [type=file]), textarea, select, [contenteditable]"

/**
 * Keys without a modifier do something only outside of fields and dialogs. They can be turned off: speech input and some
 * screen readers send single letters that were not meant for the page.
 */
export function areLetterKeysOn() {
  return recall("localStorage", NAME) !== "off"
}

export function turnLetterKeys(isOn) {
  remember("localStorage", NAME, isOn ? "" : "off")
}

/** Whether a key press may be one of the page's own letter keys. */
export function isLetterKey(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat || isComposing(event))
    return false
  return areLetterKeysOn() && !event.target.closest?.(FIELDS) && !isDialogOpen()
}

export function isDialogOpen() {
  return document.querySelector("dialog[open]") !== null
}
