import assert from "node:assert/strict"
import { beforeEach, test } from "node:test"
import Presets from "../../frontend/state/prompt/presets.js"
import PromptText from "../../frontend/state/prompt/prompt_text.js"
import { changesOf, freshBrowser } from "./browser.js"

const said = (text) => ({ en: text, fr: `fr: ${text}` })
const TONE = { en: { tone: "kind" }, fr: { tone: "aimable" } }
const BUILT_IN = [
  { id: "first", title: said("First"), system: said("Be {{tone}}"), user: said("Why?"), variables: TONE },
]
let parts

function newText() {
  const words = Object.assign(new EventTarget(), { language: "en" })
  parts = { words, presets: new Presets(BUILT_IN) }
  return new PromptText(parts)
}

beforeEach(() => freshBrowser())

test("it begins with the first preset, in the language that is chosen", () => {
  const text = newText()
  assert.deepEqual(
    [text.chosen.id, text.system, text.variables],
    ["first", "Be {{tone}}", [{ name: "tone", value: "kind" }]],
  )

  parts.words.language = "fr"
  parts.words.dispatchEvent(new Event("change"))

  assert.deepEqual([text.system, text.variables[0].value], ["fr: Be {{tone}}", "aimable"])
})

test("what is sent has its variables filled in, and examples as if they had been said", () => {
  const text = newText()
  const id = text.addExample()
  text.typeExample(id, "user", "Is {{it}}? ")
  text.typeExample(id, "assistant", "Yes.")
  text.addExample() // an empty one is not sent
  text.type("human", " And \\{{now}}, {{it}} {{none}}?")
  text.fill("it", "{{x}} $&")

  assert.deepEqual(text.messages, [
    { role: "system", content: "Be kind" },
    { role: "user", content: "Is {{x}} $&?" },
    { role: "assistant", content: "Yes." },
    { role: "user", content: "And {{now}}, {{x}} $& {{none}}?" },
  ])
})

test("the first gap is an example that is half there, then a variable without a value", () => {
  const text = newText()
  assert.equal(text.gap, null)
  text.type("human", "{{topic}}")
  const id = text.addExample()
  text.typeExample(id, "assistant", "Yes.")
  assert.deepEqual(text.gap, { kind: "example", id, role: "user" })

  text.typeExample(id, "user", "Really?")
  assert.deepEqual(text.gap, { kind: "variable", name: "topic" })

  text.fill("topic", "  ")
  assert.deepEqual(text.gap, { kind: "variable", name: "topic" })
  text.fill("topic", "ice")
  assert.equal(text.gap, null)
})

test("typing into a preset makes a free text; the one that it replaces can be had again", () => {
  const text = newText()
  text.type("human", "Mine")
  assert.deepEqual([text.chosen, text.system, text.human, text.hasEarlier], [null, "Be {{tone}}", "Mine", false])

  text.choose("first")
  text.type("human", "Another")
  assert.ok(text.hasEarlier)
  text.swapEarlier()
  assert.equal(text.human, "Mine")
  text.swapEarlier()
  assert.equal(text.human, "Another")
})

test("a saved text is a preset with what its variables are now; deleted, it leaves its text", () => {
  const text = newText()
  text.type("human", "About {{topic}}")
  text.fill("topic", "ice")

  const saved = text.save("Mine")
  assert.deepEqual([text.chosen.id, saved.variables], [saved.id, { tone: "kind", topic: "ice" }])
  parts.presets.remove(saved.id)

  assert.deepEqual([text.chosen, text.human], [null, "About {{topic}}"])
})

test("examples change places", () => {
  const text = newText()
  const ids = [text.addExample(), text.addExample(), text.addExample()]
  const heard = changesOf(text)

  text.moveExample(ids[2], -1)
  text.removeExample(ids[0])

  assert.deepEqual(
    text.examples.map(({ id }) => id),
    [ids[2], ids[1]],
  )
  assert.equal(heard.times, 2)
})

test("a reload loses nothing, and without storage it begins anew", () => {
  const text = newText()
  text.type("human", "About {{topic}}")
  text.fill("topic", "ice")
  const again = newText()
  assert.deepEqual(
    [again.chosen, again.human, again.variables.at(-1)],
    [null, "About {{topic}}", { name: "topic", value: "ice" }],
  )

  sessionStorage.setItem("passerelle.prompt", "{nonsense")

  assert.equal(newText().chosen.id, "first")
})
