import assert from "node:assert/strict"
import { test } from "node:test"
import { contentOf } from "../../frontend/helpers/file_content.js"
import {
  exchangeFile,
  readExchangeFile,
  signature,
} from "../../frontend/state/conversations/files/conversation_file.js"
import { storable } from "../../frontend/state/conversations/message.js"
import Tree from "../../frontend/state/conversations/tree.js"
import { refusal } from "./browser.js"

const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
const MESSAGE = { id: "1", parentId: null, role: "user", text: "Hi", createdAt: 1, state: "whole" }
const fileOf = (...conversations) => ({ format: "passerelle-conversations", version: 1, conversations })
const conversation = (more, ...messages) => ({ title: "T", createdAt: 1, messages, ...more })
const withMessage = (more) => fileOf(conversation({}, { ...MESSAGE, ...more }))
const image = (dataUrl) => withMessage({ images: [{ width: 1, height: 1, dataUrl }] })

test("what is written comes back the same, images and figures with it, under new ids", async () => {
  const answer = { phase: "length", model: "m", usage: { input_tokens: 1, output_tokens: 2 }, ttft: 3.5, fault: null }
  const messages = [
    { ...MESSAGE, images: [{ type: "image/png", width: 1, height: 1, dataUrl: PIXEL }] },
    { ...MESSAGE, id: "2", parentId: "1", role: "assistant", text: "Other", thought: "hm", state: "length", answer },
  ].map((one) => storable({ ...one, conversationId: "c" }))
  const told = { title: "Mine", isTitled: true, system: "Be brief", model: "m", parameters: { temperature: 0.5 } }
  const stored = {
    conversation: { id: "c", ...told, answersInFrench: true, createdAt: 1, updatedAt: 2, head: "2" },
    messages,
  }

  const file = JSON.parse(JSON.stringify(await exchangeFile([stored])))
  const { found, faults } = readExchangeFile(file)

  const [{ conversation: back, messages: read }] = found
  assert.deepEqual(faults, [])
  assert.equal(file.conversations[0].messages[0].images[0].dataUrl, PIXEL)
  assert.deepEqual({ ...back, id: "c", head: "2" }, stored.conversation)
  assert.deepEqual([back.head, read[1].parentId], [read[1].id, read[0].id])
  assert.deepEqual(storable(read[1]).answer, answer)
  assert.deepEqual(
    Buffer.from(await storable(read[0]).images[0].blob.arrayBuffer()),
    Buffer.from(PIXEL.split(",")[1], "base64"),
  )
  assert.equal(signature(found[0]), signature(readExchangeFile(file).found[0]))
})

test("a hostile file is refused with its place", () => {
  const one = "conversations[0]"
  const message = `${one}.messages[0]`
  const cases = [
    [null, "import_foreign format"],
    [[], "import_foreign format"],
    [{ format: "openai" }, "import_foreign format"],
    [{ ...fileOf(), version: 2 }, "import_newer version"],
    [{ format: "passerelle-conversations" }, "import_wrong version"],
    [{ ...fileOf(), conversations: {} }, "import_wrong conversations"],
    [fileOf(5), `import_wrong ${one}`],
    [fileOf({ createdAt: 1 }), `import_wrong ${one}.messages`],
    [fileOf({ messages: [] }), `import_wrong ${one}.createdAt`],
    [fileOf(...Array(10_001).fill(0)), "import_too_large conversations"],
    [fileOf({ messages: Array(60_000) }, { messages: Array(60_000) }), "import_too_large messages"],
    [fileOf(conversation({ title: {} })), `import_wrong ${one}.title`],
    [fileOf(conversation({ title: "x".repeat(1001) })), `import_too_large ${one}.title`],
    [fileOf(conversation({ system: 5 })), `import_wrong ${one}.system`],
    [withMessage({ role: "system" }), `import_wrong ${message}.role`],
    [withMessage({ text: ["x"] }), `import_wrong ${message}.text`],
    [withMessage({ text: "x".repeat(10_000_001) }), `import_too_large ${message}.text`],
    [withMessage({ id: 5 }), `import_wrong ${message}.id`],
    [withMessage({ createdAt: "yesterday" }), `import_wrong ${message}.createdAt`],
    [withMessage({ state: "evil" }), `import_wrong ${message}.state`],
    [withMessage({ thought: {} }), `import_wrong ${message}.thought`],
    [image("data:text/html;base64,PHNjcmlwdD4="), `import_wrong ${message}.images[0]`],
    [image("data:image/svg+xml;base64,PHN2Zz4="), `import_wrong ${message}.images[0]`],
    [image("https://example.org/a.png"), `import_wrong ${message}.images[0]`],
    [image("data:image/png;base64,a b"), `import_wrong ${message}.images[0]`],
    [withMessage({ images: Array(33).fill({}) }), `import_too_large ${message}.images`],
    [withMessage({ answer: { ttft: "fast" } }), `import_wrong ${message}.answer.ttft`],
    [withMessage({ answer: { usage: [] } }), `import_wrong ${message}.answer.usage`],
  ]

  for (const [file, wanted] of cases) {
    const told = refusal(() =>
      readExchangeFile(file)
        .faults.map(({ kind, place }) => `${kind} ${place}`)
        .join(),
    )
    assert.equal(told, wanted)
  }
})

/** Unknown fields, a prototype, ids twice, parents that are missing or in a circle, answers that never ended. */
test("a muddled file is put in order", () => {
  const message = (id, parentId, text, more) => ({ id, parentId, role: "user", text, createdAt: 1, ...more })
  const parameters = { temperature: 1, topP: "x", evil: 1 }
  const answer = { phase: "writing", evil: 1, fault: { kind: "__proto__", detail: "x" } }
  const muddle = fileOf(
    conversation(
      { updatedAt: 8e15, evil: 1, head: "c", parameters },
      message("a", null, "A", { evil: 1, conversationId: "other", owner: "x" }),
      message("a", "a", "A again"),
      message("b", "missing", "B"),
      message("c", "d", "C"),
      message("d", "c", "D"),
      message("e", "e", "E"),
      message("f", "a", "F", { role: "assistant", state: "streaming", answer }),
    ),
    conversation({ messages: 5 }),
  )
  const evil = '"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}'

  const { found, faults } = readExchangeFile(JSON.parse(JSON.stringify(muddle).replaceAll('"evil":1', evil)))

  const [{ conversation: read, messages }] = found
  const tree = new Tree(messages)
  const named = Object.fromEntries(messages.map((one) => [one.text, one]))
  const parents = tree.messages.map((one) => [one.text, tree.parent(one)?.text ?? null])
  assert.deepEqual(
    faults.map(({ place }) => place),
    ["conversations[1].messages"],
  )
  assert.deepEqual(parents, [
    ["A", null],
    ["A again", "A"],
    ["B", null],
    ["C", "D"],
    ["D", null],
    ["E", null],
    ["F", "A"],
  ])
  assert.equal(tree.path(read.head).at(-1).text, "C")
  assert.equal({}.polluted, undefined)
  assert.deepEqual(Object.keys(read).sort(), [
    "answersInFrench",
    "createdAt",
    "head",
    "id",
    "isTitled",
    "model",
    "parameters",
    "system",
    "title",
    "updatedAt",
  ])
  assert.deepEqual(Object.keys(named.A).sort(), [
    "conversationId",
    "createdAt",
    "id",
    "parentId",
    "role",
    "state",
    "text",
  ])
  assert.equal(named.A.conversationId, read.id)
  assert.deepEqual(read.parameters, { temperature: 1 })
  assert.deepEqual([named.F.state, named.F.answer], ["cut", { phase: "cut", fault: { kind: "unknown", detail: "x" } }])
  assert.ok(read.updatedAt <= Date.now())
})

test("a file is read as JSON where it begins so, and as text where not", async () => {
  assert.deepEqual(await contentOf(new Blob([' {"a": 1}'])), { a: 1 })
  assert.equal(await contentOf(new Blob(["# Title"])), "# Title")
  await assert.rejects(contentOf(new Blob(["{"])), { kind: "import_wrong", place: "JSON" })
  await assert.rejects(contentOf({ size: 100_000_001, name: "big.json" }), {
    kind: "import_too_large",
    place: "big.json",
  })
})
