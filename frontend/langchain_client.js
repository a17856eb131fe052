// The only door to LangChain.js: the offline copy in vendor/ first, then esm.sh at the versions in the import map.
import { once } from "./helpers/once.js"
import { vendored } from "./helpers/vendored.js"

// zod, which LangChain.js brings, would try `new Function`; the page's policy forbids it and would report the try.
globalThis.__zod_globalConfig = { jitless: true }

/** Loads LangChain.js. Rejects with Fault "libraries". */
export const load = once(() => vendored("langchain", fromNetwork))

/**
 * Streams an answer as LangChain's message chunks. `request`: {messages, model, parameters}, see Generation.
 * Messages that end with the assistant's own words ask the model to go on from there.
 */
export async function stream({ messages, model: name, parameters = {} }, settings, signal) {
  const found = await load()
  // ChatOpenAI itself picks another API for some model names; this class always posts to /chat/completions.
  const model = new found.ChatOpenAICompletions({
    model: name,
    apiKey: settings.key || "local", // it refuses to work without one, servers without keys ignore it
    temperature: parameters.temperature,
    topP: parameters.topP,
    maxTokens: parameters.maxTokens ?? -1, // -1: the field is left out
    modelKwargs: parameters.seed === undefined ? {} : { seed: parameters.seed },
    streamUsage: true,
    maxRetries: 0, // the reader has a button for that
    timeout: 0x7fffffff, // its default of ten minutes is less than a slow machine may need
    configuration: { baseURL: settings.endpoint, fetch: plainFetch },
  })
  return model.stream(
    messages.map((message) => langchainMessage(found, message)),
    { signal },
  )
}

function langchainMessage({ AIMessage, HumanMessage, SystemMessage }, { role, content, images = [] }) {
  if (role === "system") return new SystemMessage(content)
  if (role === "assistant") return new AIMessage(content)
  if (images.length === 0) return new HumanMessage(content)
  const shown = images.map((url) => ({ type: "image_url", image_url: { url } }))
  return new HumanMessage({ content: content ? [{ type: "text", text: content }, ...shown] : shown })
}

async function fromNetwork() {
  const [openai, messages] = await Promise.all([import("@langchain/openai"), import("@langchain/core/messages")])
  return { ...messages, ChatOpenAICompletions: openai.ChatOpenAICompletions }
}

/** Local servers often allow few headers across origins: leave out those that only describe the library. */
function plainFetch(address, options) {
  const headers = new Headers(options.headers)
  for (const name of [...headers.keys()]) if (name.startsWith("x-stainless-")) headers.delete(name)
  return fetch(address, { ...options, headers, credentials: "omit", redirect: "error" })
}
