import Fault from "../../fault.js"
import { html, useRef, useState } from "../../helpers/interface.js"
import { shrunk } from "../../helpers/picture.js"
import { useApp } from "../shared/context.js"
import { IconButton } from "../shared/icons.js"

const MOST_IMAGES = 6

/**
 * Images on their way into a question: by file, paste or drop, one after the other. `ready` is for whoever
 * sends, `forgive` forgets what was refused.
 */
export function useAttaching(id) {
  const { chat } = useApp()
  const [faults, setFaults] = useState([])
  const [isBusy, setBusy] = useState(false)
  const queue = useRef(Promise.resolve())
  const take = async (files) => {
    setBusy(true)
    setFaults([])
    for (const file of files) {
      const fault = await attach(chat, id, file)
      if (fault) setFaults((earlier) => [...earlier, fault])
    }
    setBusy(false)
  }
  const add = (files) => {
    if (files.length > 0) queue.current = queue.current.then(() => take(files))
  }
  return {
    add,
    faults,
    isBusy,
    ready: () => queue.current,
    forgive: () => setFaults([]),
    remove: (image) => remove(chat, id, image),
  }
}

/** Gives the fault that kept an image out, if one did. */
async function attach(chat, id, file) {
  const { unsent } = chat
  if (unsent.images(id).length >= MOST_IMAGES) return Object.assign(new Fault("image_many"), { file: file.name })
  try {
    const image = await shrunk(file)
    unsent.attach(id, [...unsent.images(id), image])
    return null
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault
    return fault
  }
}

function remove({ unsent }, id, image) {
  unsent.attach(
    id,
    unsent.images(id).filter((one) => one !== image),
  )
}

export function AttachButton({ onFiles, isDisabled }) {
  const { words } = useApp()
  const field = useRef()
  const take = (event) => {
    onFiles([...event.target.files])
    event.target.value = ""
  }
  return html`<${IconButton} icon="image" id="attach" label=${words.t("attach_images")} disabled=${isDisabled} onClick=${() => field.current.click()} />
    <input type="file" id="images" hidden multiple accept="image/png,image/jpeg,image/webp" aria-label=${words.t("attach_images")} ref=${field} onChange=${take} />`
}

/** Pasted pictures; where there is text as well, as from a word processor, the text is meant. */
export function pastedFiles({ clipboardData }) {
  return clipboardData.types.includes("text/plain") ? [] : [...clipboardData.files]
}
