import { storable } from "../message.js"
import Tree from "../tree.js"
import { exchangeFile, readConversation, readExchangeFile, signature } from "./conversation_file.js"
import { readMarkdownFile } from "./markdown_file.js"

/** The conversations with these ids, or all, as the object of an exchange file. */
export async function exportFrom(store, ids) {
  const all = (await store.conversations()).sort((one, other) => one.createdAt - other.createdAt)
  return exchangeFile(
    await Promise.all(all.filter(({ id }) => !ids || ids.includes(id)).map((one) => withMessages(store, one))),
  )
}

/** Adds what a parsed exchange file holds, but what is there already, word for word. Each conversation comes whole or not at all. */
export async function importInto(store, file) {
  const { found, faults } = readExchangeFile(file)
  const known = await signatures(store, found)
  let [added, skipped] = [0, 0]
  for (const one of found) {
    const said = signature(one)
    if (known.has(said)) {
      skipped++
      continue
    }
    try {
      await store.addToDisk(one.conversation, one.messages.map(storable))
      known.add(said)
      added++
    } catch (fault) {
      faults.push(fault)
      break
    }
  }
  return { added, skipped, faults }
}

/** Adds the conversation of a Markdown file. Gives its id. */
export async function importMarkdownInto(store, text) {
  const { conversation, messages } = readConversation(readMarkdownFile(text), "#")
  await store.addToDisk({ ...conversation, updatedAt: Date.now() }, messages.map(storable))
  return conversation.id
}

/** What the stored conversations say that could be the same as what was found: those of the same time. */
async function signatures(store, found) {
  const times = new Set(found.map(({ conversation }) => conversation.createdAt))
  const alike = (await store.conversations()).filter(({ createdAt }) => times.has(createdAt))
  const file = await exchangeFile(await Promise.all(alike.map((one) => withMessages(store, one))))
  return new Set(readExchangeFile(file).found.map(signature))
}

async function withMessages(store, conversation) {
  return { conversation, messages: new Tree(await store.messages(conversation.id)).messages }
}
