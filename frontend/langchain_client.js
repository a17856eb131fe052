// The only door to LangChain.js: the offline copy in vendor/ first, then esm.sh at the versions in the import map.
import { vendored } from "./helpers/vendored.js"

// zod, which LangChain.js brings, would try `new Function`; the page's policy forbids it and would report the try.
globalThis.__zod_globalConfig = { jitless: true }

let libraries

/** Loads LangChain.js once; a failed load may be tried again. Rejects with Fault "libraries". */
export function load() {
  libraries ??= vendored("langchain", fromNetwork).catch((fault) => {
    libraries = undefined
    throw fault
  })
  return libraries
}

/** Streams an answer as LangChain's message chunks. `request`: {system, human, model, temperature, maxTokens}. */
export async function stream(request, settings, signal) {
  const { ChatOpenAICompletions, HumanMessage, SystemMessage } = await load()
  // ChatOpenAI itself picks another API for some model names; this class always posts to /chat/completions.
  const model = new ChatOpenAICompletions({
    model: request.model,
    apiKey: settings.key || "local", // it refuses to work without one, servers without keys ignore it
    temperature: request.temperature,
    maxTokens: request.maxTokens ?? -1, // -1: the field is left out
    streamUsage: true,
    maxRetries: 0, // the reader has a button for that
    timeout: 0x7fffffff, // its default of ten minutes is less than a slow machine may need
    configuration: { baseURL: settings.endpoint, fetch: plainFetch },
  })
  const messages = [new HumanMessage(request.human)]
  if (request.system) messages.unshift(new SystemMessage(request.system))
  return model.stream(messages, { signal })
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
