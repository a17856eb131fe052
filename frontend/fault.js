/**
 * Everything that can go wrong, each with what to do about it: words for both, and the ways forward offered as
 * buttons. `command` is a line for the terminal.
 */
export const FAULTS = {
  gateway_down: { text: "fault_gateway_down", hint: "fault_gateway_down_hint", command: "make run", ways: ["retry"] },
  endpoint_down: { text: "fault_endpoint_down", hint: "fault_endpoint_down_hint", ways: ["retry", "to_endpoint"] },
  endpoint_wrong: { text: "fault_endpoint_wrong", hint: "fault_endpoint_wrong_hint", ways: ["to_endpoint"] },
  backend_down: { text: "fault_backend_down", hint: "fault_backend_down_hint", ways: ["retry"] },
  backend_failed: { text: "fault_backend_failed", hint: "fault_backend_failed_hint", ways: ["retry", "to_model"] },
  backend_slow: { text: "fault_backend_slow", hint: "fault_backend_slow_hint", ways: ["retry", "to_model"] },
  busy: { text: "fault_busy", hint: "fault_busy_hint", ways: ["retry"] },
  key: { text: "fault_key", hint: "fault_key_hint", ways: ["to_key"] },
  forbidden: { text: "fault_forbidden", hint: "fault_forbidden_hint", ways: ["retry"] },
  model_missing: {
    text: "fault_model_missing",
    hint: "fault_model_missing_hint",
    ways: ["to_pull", "to_model", "retry"],
  },
  no_models: { text: "fault_no_models", hint: "fault_no_models_hint", ways: ["look_again"] },
  not_found: { text: "fault_not_found", hint: "fault_not_found_hint", ways: ["to_endpoint", "retry"] },
  prompt_too_long: {
    text: "fault_prompt_too_long",
    hint: "fault_prompt_too_long_hint",
    ways: ["to_prompt", "to_model", "to_new"],
  },
  too_large: { text: "fault_too_large", hint: "fault_too_large_hint", ways: ["to_prompt"] },
  unsupported: { text: "fault_unsupported", hint: "fault_unsupported_hint", ways: ["to_model"] },
  no_vision: { text: "fault_no_vision", hint: "fault_no_vision_hint", ways: ["to_model", "retry"] },
  context_full: {
    text: "fault_context_full",
    hint: "fault_context_full_hint",
    ways: ["to_new", "to_prompt", "to_model"],
  },
  image_kind: { text: "fault_image_kind", hint: "fault_image_kind_hint", ways: [] },
  image_large: { text: "fault_image_large", hint: "fault_image_large_hint", ways: [] },
  image_broken: { text: "fault_image_broken", hint: "fault_image_broken_hint", ways: [] },
  image_many: { text: "fault_image_many", hint: "fault_image_many_hint", ways: [] },
  too_many_answers: { text: "fault_too_many_answers", hint: "fault_too_many_answers_hint", ways: [] },
  refused: { text: "fault_refused", hint: "fault_refused_hint", ways: ["retry"] },
  libraries: {
    text: "fault_libraries",
    hint: "fault_libraries_hint",
    command: "npm --prefix tools/vendor ci --ignore-scripts && npm --prefix tools/vendor run build",
    ways: ["retry"],
  },
  libraries_slow: {
    text: "fault_libraries_slow",
    hint: "fault_libraries_slow_hint",
    command: "npm --prefix tools/vendor ci --ignore-scripts && npm --prefix tools/vendor run build",
    ways: [],
  },
  connection: { text: "fault_connection", hint: "fault_connection_hint", ways: ["retry"] },
  unknown: { text: "fault_unknown", hint: "fault_unknown_hint", ways: ["retry"] },
  storage_refused: { text: "fault_storage_refused", hint: "fault_storage_refused_hint", ways: ["to_export"] },
  storage_full: { text: "fault_storage_full", hint: "fault_storage_full_hint", ways: ["to_export"] },
  conversation_gone: { text: "fault_conversation_gone", hint: "fault_conversation_gone_hint", ways: ["to_new"] },
  import_wrong: { text: "fault_import_wrong", hint: "fault_import_wrong_hint", ways: [] },
  import_foreign: { text: "fault_import_foreign", hint: "fault_import_foreign_hint", ways: [] },
  import_no_presets: { text: "fault_import_no_presets", hint: "fault_import_no_presets_hint", ways: [] },
  presets_unstored: { text: "fault_presets_unstored", hint: "fault_presets_unstored_hint", ways: [] },
  import_newer: { text: "fault_import_newer", hint: "fault_import_newer_hint", ways: [] },
  import_too_large: { text: "fault_import_too_large", hint: "fault_import_too_large_hint", ways: [] },
  management_off: { text: "fault_management_off", hint: "fault_management_off_hint", ways: [] },
  cloud_off: { text: "fault_cloud_off", hint: "fault_cloud_off_hint", ways: ["to_model"] },
  shared_model: { text: "fault_shared_model", hint: "fault_shared_model_hint", ways: [] },
  pull_unknown: { text: "fault_pull_unknown", hint: "fault_pull_unknown_hint", ways: [] },
  pull_refused: { text: "fault_pull_refused", hint: "fault_pull_refused_hint", ways: [] },
  pull_cut: { text: "fault_pull_cut", hint: "fault_pull_cut_hint", ways: [] },
  pull_failed: { text: "fault_pull_failed", hint: "fault_pull_failed_hint", ways: [] },
  no_question: { text: "fault_no_question", hint: "fault_no_question_hint", ways: ["to_question"] },
  prompt_gap: { text: "fault_prompt_gap", hint: "fault_prompt_gap_hint", ways: ["to_prompt_view", "to_question"] },
}

const BY_CODE = {
  invalid_api_key: "key",
  context_length_exceeded: "prompt_too_long",
  model_not_found: "model_missing",
  backend_unavailable: "backend_down",
  backend_error: "backend_failed",
  backend_timeout: "backend_slow",
  truncated: "connection",
  body_too_large: "too_large",
  backend_busy: "busy",
  model_busy: "busy",
  model_loading: "busy",
  management_off: "management_off",
  cloud_off: "cloud_off",
  shared_model: "shared_model",
  unsupported: "unsupported",
  not_found: "not_found",
}

const BY_STATUS = {
  400: "refused",
  401: "key",
  403: "forbidden",
  404: "not_found",
  413: "too_large",
  415: "refused",
  422: "refused",
  429: "busy",
  500: "backend_failed",
  502: "backend_failed",
  503: "backend_down",
  504: "backend_slow",
}

/** A failure the page can explain. `detail` is the server's own sentence, or "". */
export default class Fault extends Error {
  constructor(kind, detail = "") {
    super(kind)
    this.kind = kind
    this.detail = detail
  }

  /** From a status and a parsed error body: OpenAI's `{error: {message, code}}` or Ollama's `{error: "…"}`. */
  static ofAnswer(status, body) {
    const error = body?.error ?? body
    const detail = typeof error === "string" ? error : error?.message
    const kind = known(BY_CODE, error?.code) ?? BY_STATUS[status] ?? (status >= 500 ? "backend_failed" : "unknown")
    return new Fault(kind, oneLine(detail))
  }

  /**
   * From what LangChain.js threw. Its own wrapper for a long prompt hides status and body in `cause`; a refused
   * connection and a refused origin look alike ("Connection error."), and a broken stream is a TypeError.
   */
  static ofGeneration(thrown, settings) {
    if (thrown instanceof Fault) return thrown
    if (thrown?.name === "ContextOverflowError")
      return new Fault("prompt_too_long", oneLine(thrown.cause?.error?.message))
    if (thrown?.status) return Fault.ofAnswer(thrown.status, thrown.error)
    if (thrown?.error) return Fault.ofAnswer(500, thrown.error)
    if (/^connection error/i.test(thrown?.message ?? "")) return Fault.ofSilence(settings)
    if (thrown instanceof TypeError || thrown instanceof SyntaxError) return new Fault("connection")
    return new Fault("unknown", oneLine(thrown?.message))
  }

  /** Nobody answered at all. */
  static ofSilence(settings) {
    return new Fault(settings.isOwnGateway ? "gateway_down" : "endpoint_down")
  }
}

/** A server's word may be any: "constructor" is no code. */
function known(table, word) {
  return Object.hasOwn(table, word) ? table[word] : undefined
}

function oneLine(text) {
  return typeof text === "string" ? text.split("\n")[0].slice(0, 300) : ""
}
