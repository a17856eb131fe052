/** One element's named parts: `part(root, "text")` is the element inside it with data-part="text". */
export function part(root, name) {
  return root.querySelector(`[data-part="${name}"]`)
}

/** A new element with properties and children; strings become text nodes, never markup. */
export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties)
  node.append(...children)
  return node
}

/** Moves the focus to a field; a folded panel around it opens. */
export function reveal(field) {
  for (let box = field.closest("details"); box; box = box.parentElement.closest("details")) box.open = true
  field.focus()
}
