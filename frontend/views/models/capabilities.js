import { html } from "../../helpers/interface.js"
import { useApp } from "../shared/context.js"

const WORDS = {
  chat: "capability_chat",
  tools: "capability_tools",
  vision: "capability_vision",
  thinking: "capability_thinking",
  embedding: "capability_embedding",
}

export function capabilityName(words, name) {
  return Object.hasOwn(WORDS, name) ? words.t(WORDS[name]) : name
}

/** What a model can do, a word each; a server's own words stay as they are. */
export function Capabilities({ names }) {
  const { words } = useApp()
  return (
    names.length > 0 &&
    html`<span class="capabilities">${names.map(
      (name) => html`
    <span class="capability" key=${name} data-capability=${name}>${capabilityName(words, name)}</span>`,
    )}</span>`
  )
}
