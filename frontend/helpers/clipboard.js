/** Copies text; says whether it could. Over plain http there is no `navigator.clipboard`, but the older command works. */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copyBySelection(text)
  }
}

function copyBySelection(text) {
  const focused = document.activeElement
  const selection = document.getSelection()
  const ranges = Array.from({ length: selection.rangeCount }, (_, index) => selection.getRangeAt(index))
  const field = document.createElement("textarea")
  field.value = text
  field.readOnly = true
  field.ariaHidden = "true"
  field.style.position = "fixed"
  field.style.opacity = "0"
  document.body.append(field)
  field.select()
  const isCopied = document.execCommand("copy")
  field.remove()
  selection.removeAllRanges()
  for (const range of ranges) selection.addRange(range)
  focused?.focus({ preventScroll: true })
  return isCopied
}
