const CHAT = ["completion", "chat"]
const LONGEST_WORD = 300
const MOST_CAPABILITIES = 12

/** A listed model with every field of its own type, whatever the server wrote: a text or null, a number or null. */
export function factsOf(model) {
  return {
    id: model.id,
    name: text(model.name) ?? model.id,
    backend: text(model.backend) ?? text(model.owned_by),
    family: text(model.family),
    parameters: text(model.parameters),
    quantization: text(model.quantization),
    sizeBytes: amount(model.size_bytes),
    contextLength: amount(model.context_length),
    trainedContextLength: amount(model.trained_context_length),
    capabilities: capabilities(model.capabilities),
    isLoaded: typeof model.is_loaded === "boolean" ? model.is_loaded : null,
    memoryBytes: amount(model.memory_bytes),
    isDemo: model.is_demo === true,
    isCloud: model.is_cloud === true,
    sharesWith: Array.isArray(model.shares_with) ? model.shares_with.map(text).filter(Boolean) : [],
  }
}

/** "completion" is Ollama's word for what everybody calls chat. */
function capabilities(told) {
  const words = Array.isArray(told) ? told.map(text).filter(Boolean) : []
  return [...new Set(words.map((word) => (CHAT.includes(word) ? "chat" : word)))].slice(0, MOST_CAPABILITIES)
}

/** The names whose model leaves memory when this one is loaded or taken out: they have the same weights. */
export function losers(model, models) {
  return models.filter(({ id, isLoaded }) => isLoaded && model.sharesWith.includes(id)).map(({ name }) => name)
}

/** Whether one may talk to it; where nothing is told it is worth a try. */
export function canChat({ capabilities }) {
  return capabilities.length === 0 || capabilities.includes("chat")
}

const ORDERS = {
  name: () => 0,
  size: (a, b) => (b.sizeBytes ?? 0) - (a.sizeBytes ?? 0),
  context: (a, b) => (b.contextLength ?? 0) - (a.contextLength ?? 0),
}

/** Those of the models that fit: `{search, capability, isLoaded}`, "" and false for "whatever". `order`: name, size, context. */
export function chosenFrom(models, { search, capability, isLoaded, order }, language) {
  const wanted = search.trim().toLowerCase()
  const byName = new Intl.Collator(language, { numeric: true })
  return models
    .filter(({ name, id }) => `${name}\n${id}`.toLowerCase().includes(wanted))
    .filter(({ capabilities }) => !capability || capabilities.includes(capability))
    .filter((model) => !isLoaded || model.isLoaded)
    .sort((a, b) => ORDERS[order](a, b) || byName.compare(a.name, b.name))
}

export function text(value) {
  return typeof value === "string" && value.trim() ? value.slice(0, LONGEST_WORD) : null
}

export function amount(value) {
  return Number.isFinite(value) && value > 0 ? value : null
}
