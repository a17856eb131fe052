import { html, useLayoutEffect, useRef } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"
import { Icon, IconButton } from "../shared/icons.js"

/** Few-shot examples: pairs of what somebody asks and what the model should answer, sent before the question. Folded. */
export function Examples() {
  const { words, prompt } = useApp()
  const box = useRef()
  const wanted = useRef(null) // the field or button that gets the focus once it is drawn
  const { text, gap } = prompt
  const { examples } = text
  useLayoutEffect(() => {
    if (wanted.current) box.current.querySelector(wanted.current)?.focus()
    wanted.current = null
  })
  useLayoutEffect(() => {
    if (gap?.kind === "example") box.current.open = true
  }, [gap])
  const focusLater = (selector) => (wanted.current = selector)
  const add = () => focusLater(`#example-${text.addExample()}-user`)
  return html`<details class="examples" data-part="examples" ref=${box}>
    <summary><span>${words.t("examples")}</span>${examples.length > 0 && html`<span class="count" data-part="count">${examples.length}</span>`}</summary>
    <div class="example-list">
      <p class="hint">${words.t("examples_hint")}</p>
      ${examples.map((example, index) => html`<${Example} key=${example.id} example=${example} index=${index} focusLater=${focusLater} />`)}
      <button type="button" class="ghost" data-do="add-example" onClick=${add}><${Icon} name="plus" /><span>${words.t("example_add")}</span></button>
    </div>
  </details>`
}

function Example({ example, index, focusLater }) {
  const {
    words,
    prompt: { text },
  } = useApp()
  const { id } = example
  const last = text.examples.length - 1
  const n = index + 1
  const move = (by) => {
    text.moveExample(id, by)
    const to = index + by
    const same = by < 0 ? "up" : "down"
    focusLater(`#example-${id} [data-do=${to === 0 ? "down" : to === last ? "up" : same}]`)
  }
  const remove = () => {
    text.removeExample(id)
    const next = text.examples[Math.min(index, last - 1)]
    focusLater(next ? `#example-${next.id}-user` : "[data-do=add-example]")
  }
  return html`<div class="example" id=${`example-${id}`} role="group" aria-labelledby=${`example-${id}-title`}>
    <div class="example-head">
      <h3 class="label" id=${`example-${id}-title`}>${words.t("example", { n })}</h3>
      <${IconButton} icon="up" data-do="up" label=${words.t("example_up", { n })} disabled=${index === 0} onClick=${() => move(-1)} />
      <${IconButton} icon="down" data-do="down" label=${words.t("example_down", { n })} disabled=${index === last} onClick=${() => move(1)} />
      <${IconButton} icon="trash" data-do="remove" label=${words.t("example_remove", { n })} onClick=${remove} />
    </div>
    ${["user", "assistant"].map((role) => html`<${Turn} key=${role} example=${example} role=${role} />`)}
  </div>`
}

function Turn({ example, role }) {
  const {
    words,
    prompt: { text, gap },
  } = useApp()
  const id = `example-${example.id}-${role}`
  const isMissing = gap?.id === example.id && gap.role === role
  return html`<div class="field">
    <label for=${id}>${words.t(`example_${role}`)}</label>
    <textarea id=${id} rows="2" value=${example[role]} aria-invalid=${isMissing ? "true" : undefined}
      onInput=${(event) => text.typeExample(example.id, role, event.target.value)}></textarea>
    ${isMissing && html`<p class="objection" role="alert">${words.t("example_incomplete")}</p>`}
  </div>`
}
