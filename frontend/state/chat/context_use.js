const CHARACTERS_PER_TOKEN = 4
const TIGHT = 0.8

/**
 * How full a model's context will be with the next question: `{used, limit, share, level, isEstimated, hasImages}`, or
 * null where the model does not tell its limit. What was counted by the server counts; the rest is estimated by its
 * length, and images are left out, since every model counts them in its own way.
 */
export function contextUse({ model, path, answerOf, system, draft, images }) {
  const limit = model?.context_length
  if (!limit) return null
  const answers = path.map((message) => (message.role === "assistant" ? answerOf(message) : null))
  const at = answers.findLastIndex((answer) => answer?.usage)
  const { input_tokens: read = 0, output_tokens: written = 0 } = answers[at]?.usage ?? {}
  const uncounted = path.slice(at + 1).map((message, index) => answers[at + 1 + index]?.text ?? message.text)
  const characters = [at < 0 ? system : "", ...uncounted, draft].reduce((sum, text) => sum + text.length, 0)
  const used = read + written + Math.ceil(characters / CHARACTERS_PER_TOKEN)
  const share = used / limit
  return {
    used,
    limit,
    share,
    level: share >= 1 ? "over" : share >= TIGHT ? "tight" : "free",
    isEstimated: characters > 0,
    hasImages: images.length > 0 || path.slice(at + 1).some((message) => message.images?.length > 0),
  }
}

/** Whether a model is known not to look at images. */
export function isBlind(model) {
  return model?.capabilities?.length > 0 && !model.capabilities.includes("vision")
}
