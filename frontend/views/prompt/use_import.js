import Fault from "../../fault.js"
import { contentOf } from "../../helpers/file_content.js"
import { useState } from "../../helpers/interface.js"

/**
 * Files of presets, from a button or dropped. `take(file)` adds one; `outcome` is `{added, skipped, faults}` of the last,
 * or null; `dropZone` has the attributes of a place to drop them on. `onTaken` is called after each.
 */
export function useImport(presets, onTaken) {
  const [outcome, setOutcome] = useState(null)
  const take = async (file) => {
    setOutcome(await added(presets, file))
    onTaken()
  }
  const isFile = (event) => event.dataTransfer.types.includes("Files")
  const dropZone = {
    onDragOver: (event) => isFile(event) && event.preventDefault(),
    onDrop: (event) => {
      if (!isFile(event)) return
      event.preventDefault()
      event.stopPropagation()
      take(event.dataTransfer.files[0])
    },
  }
  return { outcome, take, dropZone, forget: () => setOutcome(null) }
}

async function added(presets, file) {
  try {
    return presets.importJson(await contentOf(file))
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault
    return { added: 0, skipped: 0, faults: [fault.kind === "import_foreign" ? new Fault("import_no_presets") : fault] }
  }
}
