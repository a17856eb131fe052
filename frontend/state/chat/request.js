import { dataUrlOf } from "../../helpers/data_url.js"

const IN_FRENCH = "Répondez toujours en français."

/** What is asked of the model: a Generation's request for a path of messages that ends with a question, or with the beginning of an answer. */
export async function requestOf({ system = "", answersInFrench, parameters }, path, model) {
  const messages = []
  for (const { role, text, images = [] } of path) {
    const urls = await Promise.all(images.map(({ blob }) => dataUrlOf(blob)))
    if (role === "user" || text) add(messages, { role, content: text, images: urls })
  }
  const instructions = [system.trim(), answersInFrench && IN_FRENCH].filter(Boolean).join("\n\n")
  if (instructions) messages.unshift({ role: "system", content: instructions })
  return { messages, parameters, ...model }
}

/** A question that got no answer joins the next one: many models' templates want questions and answers by turns. */
function add(messages, message) {
  const last = messages.at(-1)
  if (last?.role !== message.role) return messages.push(message)
  last.content = [last.content, message.content].filter(Boolean).join("\n\n")
  last.images = [...last.images, ...message.images]
  return messages.length
}
