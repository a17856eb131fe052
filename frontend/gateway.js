import Fault from "./fault.js"
import { jsonLines } from "./helpers/json_lines.js"

const PATIENCE_MS = 10_000

/** What the gateway says of itself; also read when it answers 503, which means that no backend does. */
export async function health(settings) {
  const { status, body } = await get("/health", settings)
  if (status === 200 || status === 503) return body
  throw Fault.ofAnswer(status, body)
}

/**
 * The endpoint's models as `[{id, name, isDemo, …}]` and the one to begin with. The gateway tells more than the
 * `/v1/models` that any server has.
 */
export async function models(settings) {
  if (!settings.isReachable) throw new Fault("endpoint_wrong")
  const { status, body } = await get(settings.isOwnGateway ? "/models" : `${settings.endpoint}/models`, settings)
  if (status !== 200) throw Fault.ofAnswer(status, body)
  const list = Array.isArray(body?.data) ? body.data.filter((model) => typeof model?.id === "string") : []
  if (list.length === 0) throw new Fault("no_models")
  const first = list.find((model) => model.id === body.default_model) ?? list.find((model) => !model.is_cloud)
  return { list, first: first?.id ?? "" }
}

/** All that the gateway knows of one model: licence, parameters, template, context … */
export async function details(settings, model) {
  return read(`/stats?${new URLSearchParams({ model })}`, settings)
}

/** The gateway's counters, see README. */
export async function stats(settings) {
  return read("/stats", settings)
}

/** Puts a model into memory; as long as that takes. */
export async function loadModel(settings, model, isForced) {
  return change("POST", "/models/load", settings, { model, ...(isForced && { force: true }) })
}

export async function unloadModel(settings, model, isForced) {
  return change("POST", "/models/unload", settings, { model, ...(isForced && { force: true }) })
}

export async function deleteModel(settings, model) {
  return change("DELETE", `/models/${encodeURIComponent(model)}`, settings)
}

/** Has the backend download a model: the lines that the gateway tells of it. Aborting stops the backend, where it can be stopped. */
export async function* pullModel(settings, model, signal) {
  const answer = await ask("POST", "/models/pull", settings, { model }, signal)
  if (!answer.ok) throw Fault.ofAnswer(answer.status, await answer.json().catch(() => null))
  yield* jsonLines(answer.body)
}

async function read(address, settings) {
  const { status, body } = await get(address, settings)
  if (status !== 200) throw Fault.ofAnswer(status, body)
  return body
}

async function get(address, settings) {
  const headers = settings.key ? { authorization: `Bearer ${settings.key}` } : {}
  try {
    const answer = await fetch(address, {
      headers,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(PATIENCE_MS),
    })
    return { status: answer.status, body: await answer.json().catch(() => null) }
  } catch {
    throw Fault.ofSilence(settings)
  }
}

async function change(method, address, settings, body) {
  const answer = await ask(method, address, settings, body)
  const told = await answer.json().catch(() => null)
  if (!answer.ok) throw Fault.ofAnswer(answer.status, told)
  return told
}

/** Of the page's own gateway only: another endpoint's key has no business there, nor this page in another's models. */
async function ask(method, address, settings, body, signal) {
  if (!settings.isOwnGateway) throw new Fault("forbidden")
  const headers = settings.key ? { authorization: `Bearer ${settings.key}` } : {}
  if (body) headers["content-type"] = "application/json"
  try {
    return await fetch(address, {
      method,
      headers,
      body: body && JSON.stringify(body),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal,
    })
  } catch {
    throw Fault.ofSilence(settings)
  }
}
