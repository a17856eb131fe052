import { useEffect } from "../../helpers/interface.js"
import { isDialogOpen, isLetterKey } from "../../helpers/shortcuts.js"

/** The chat's keys; `actions` holds what they do, by name. See views/shared/keys_dialog.js, which lists them. */
export function useChatKeys(actions) {
  useEffect(() => {
    const listen = (event) => {
      if (event.key === "Escape" && !event.defaultPrevented && !isDialogOpen()) actions.stop()
      const act = isLetterKey(event) && KEYS[event.key]
      if (!act) return
      event.preventDefault() // else the letter would be written into the field that gets the focus
      act(actions)
    }
    document.addEventListener("keydown", listen)
    return () => document.removeEventListener("keydown", listen)
  })
}

const KEYS = {
  n: (actions) => actions.begin(),
  "/": (actions) => actions.search(),
  j: () => toMessage(1),
  k: () => toMessage(-1),
}

/** From the message that has the focus to its neighbour; from anywhere else to the newest. */
function toMessage(step) {
  const all = [...document.querySelectorAll(".message")]
  const at = all.indexOf(document.activeElement.closest(".message"))
  const next = at < 0 ? all.at(-1) : all[at + step]
  next?.focus({ preventScroll: true })
  next?.scrollIntoView({ block: "nearest" })
}
