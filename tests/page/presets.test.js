import assert from "node:assert/strict"
import { beforeEach, test } from "node:test"
import Presets from "../../frontend/state/prompt/presets.js"
import { changesOf, freshBrowser, refusal } from "./browser.js"

const BUILT_IN = [
  {
    id: "oracle",
    title: { en: "Oracle", fr: "Oracle" },
    system: { en: "Be brief", fr: "Sois bref" },
    user: { en: "Why?", fr: "Pourquoi ?" },
  },
]
const own = (presets) => presets.all("en").filter(({ isOwn }) => isOwn)
const titles = (presets) => own(presets).map(({ title }) => title)

beforeEach(() => freshBrowser())

test("a preset of one's own keeps what is known of it, and is there at the next visit", () => {
  const presets = new Presets(BUILT_IN)
  const heard = changesOf(presets)
  const preset = {
    title: " My \n own ",
    system: "Be {{tone}}",
    user: "{{topic}}",
    variables: { tone: "kind", other: "dropped" },
    examples: [{ user: "a", assistant: "b", evil: 1 }],
    evil: 1,
  }

  const saved = presets.save(preset)
  const changed = presets.save({ ...saved, user: "Changed" })
  const copy = presets.save(presets.get("oracle", "en"))
  presets.save({ user: "No title here" })
  presets.remove("oracle")
  presets.remove(presets.save({ user: "gone" }).id)

  const { id, ...rest } = saved
  assert.deepEqual(rest, {
    isOwn: true,
    title: "My own",
    system: "Be {{tone}}",
    user: "{{topic}}",
    examples: [{ user: "a", assistant: "b" }],
    variables: { tone: "kind" },
  })
  assert.equal(changed.id, id)
  assert.notEqual(copy.id, "oracle")
  assert.equal(heard.times, 6)
  assert.deepEqual(titles(new Presets(BUILT_IN)), ["My own", "Oracle", "No title here"])
  assert.equal(new Presets(BUILT_IN).get(id).user, "Changed")
  assert.equal(presets.get("oracle", "fr").system, "Sois bref")
})

test("an exported file comes back once, in whatever library", () => {
  const presets = new Presets(BUILT_IN)
  presets.save({ title: "One", user: "{{a}}", variables: { a: "1" } })
  presets.save({ title: "Two", system: "s", examples: [{ user: "a", assistant: "b" }] })
  const file = JSON.parse(JSON.stringify(presets.exportJson()))

  assert.deepEqual(presets.importJson(file), { added: 0, skipped: 2, faults: [] })
  presets.removeAll()
  assert.deepEqual(own(presets), [])
  assert.deepEqual(presets.importJson(file), { added: 2, skipped: 0, faults: [] })
  assert.deepEqual(titles(presets), ["One", "Two"])
})

test("of a damaged file what is sound is taken, and no name in it means anything", () => {
  const presets = new Presets(BUILT_IN)
  const evil = JSON.parse(`{"title": "E", "user": "{{__proto__}}", "__proto__": {"polluted": 1},
    "variables": {"__proto__": "x"}, "constructor": 1}`)

  const { added, faults } = presets.importJson({
    ...presets.exportJson(),
    presets: [{ title: "Good" }, { title: 5 }, evil],
  })

  assert.equal(added, 2)
  assert.deepEqual(
    faults.map(({ kind, place }) => `${kind} ${place}`),
    ["import_wrong presets[1].title"],
  )
  assert.deepEqual(titles(presets), ["Good", "E"])
  assert.equal({}.polluted, undefined)
  assert.deepEqual(Object.keys(own(presets)[1]).sort(), [
    "examples",
    "id",
    "isOwn",
    "system",
    "title",
    "user",
    "variables",
  ])
})

test("a hostile file is refused with its place and adds nothing", () => {
  const presets = new Presets(BUILT_IN)
  const file = presets.exportJson()
  const fileOf = (...some) => ({ ...file, presets: some })
  const cases = [
    [null, "import_foreign format"],
    [[], "import_foreign format"],
    ["x", "import_foreign format"],
    [{ format: "other" }, "import_foreign format"],
    [{ ...file, version: 2 }, "import_newer version"],
    [{ ...file, version: "x" }, "import_wrong version"],
    [{ ...file, presets: {} }, "import_wrong presets"],
    [fileOf(5), "import_wrong presets[0]"],
    [fileOf({ user: [] }), "import_wrong presets[0].user"],
    [fileOf({ system: "x".repeat(100_001) }), "import_too_large presets[0].system"],
    [fileOf({ examples: {} }), "import_wrong presets[0].examples"],
    [fileOf({ examples: [{ user: "a" }] }), "import_wrong presets[0].examples[0].assistant"],
    [fileOf({ user: "{{a}}", variables: { a: 5 } }), "import_wrong presets[0].variables.a"],
    [fileOf(...Array(1001).fill({})), "import_too_large presets"],
  ]

  for (const [value, wanted] of cases) {
    const told = refusal(() =>
      presets
        .importJson(value)
        .faults.map(({ kind, place }) => `${kind} ${place}`)
        .join(),
    )
    assert.equal(told, wanted)
  }
  assert.deepEqual(own(presets), [])
})

test("a preset that cannot be stored stays, and says why", () => {
  freshBrowser({ isStorageRefused: true })
  const presets = new Presets(BUILT_IN)

  presets.save({ title: "Private" })

  assert.deepEqual(titles(presets), ["Private"])
  assert.equal(presets.fault, "storage_refused")
})
