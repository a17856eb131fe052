/**
 * What an element with a later finish (a code block's colours, a formula's typesetting) was made from:
 * {text, isFinished}. Two with one source are equal although only one of them is finished.
 */
export const sources = new WeakMap()

/**
 * Makes what follows `after` in `parent` equal to `fresh`, touching only what differs: nodes that are equal stay, with
 * their selection, focus and scroll position. With `isPart`, more may follow.
 */
export function settle(parent, fresh, { after = null, isPart = false } = {}) {
  let old = after ? after.nextSibling : parent.firstChild
  for (const node of [...fresh.childNodes]) {
    const next = old?.nextSibling ?? null
    if (!old) parent.append(node)
    else if (!isEqual(old, node)) become(old, node)
    old = next
  }
  while (old && !isPart) {
    const next = old.nextSibling
    old.remove()
    old = next
  }
}

function become(old, node) {
  if (old.nodeType === Node.TEXT_NODE && node.nodeType === Node.TEXT_NODE) return rewrite(old, node.data)
  if (!canBecome(old, node)) return old.replaceWith(node)
  settle(old, node)
  if (sources.has(old)) sources.get(old).text = sources.get(node).text
}

/** Text mostly grows; appending leaves a selection in it alone. */
export function rewrite(text, data) {
  if (data.startsWith(text.data)) text.appendData(data.slice(text.length))
  else text.data = data
}

function isEqual(old, node) {
  if (sources.has(old)) return sources.get(old).text === sources.get(node)?.text
  return old.isEqualNode(node)
}

function canBecome(old, node) {
  if (old.nodeName !== node.nodeName || old.attributes.length !== node.attributes.length) return false
  if (sources.has(old) !== sources.has(node) || sources.get(old)?.isFinished) return false
  return [...old.attributes].every(({ name, value }) => node.getAttribute(name) === value)
}
