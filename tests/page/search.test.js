import assert from "node:assert/strict"
import { test } from "node:test"
import Search from "../../frontend/helpers/search.js"

const TEXTS = {
  summer: `L’ÉTÉ dernier,\n\nnous étions à la mer. ${"x".repeat(200)}`,
  tomato: "Cœur de bœuf (a+b)",
  pieces: "De\u0301compose\u0301 en morceaux, Straße",
}

function found(query) {
  const search = new Search(query)
  return Object.keys(TEXTS).filter((name) => search.finds(TEXTS[name]))
}

test("a search knows no accents, capitals and ligatures, neither in the query nor in the text", () => {
  const wanted = {
    ete: "summer",
    étè: "summer",
    "coeur boeuf": "tomato",
    cœur: "tomato",
    décomposé: "pieces",
    STRASSE: "pieces",
  }

  for (const [query, name] of Object.entries(wanted)) assert.deepEqual(found(query), [name], query)
})

test("every word of a query must be there, in any order, and signs mean themselves", () => {
  assert.deepEqual(found("MER  dérnier"), ["summer"])
  assert.deepEqual(found("mer coeur"), [])
  assert.deepEqual(found("(a+b)"), ["tomato"])
  assert.deepEqual(found("c.ur"), [])
  assert.deepEqual(found("zebra"), [])
})

test("a query without a word finds everything", () => {
  assert.ok(new Search("  ").isEmpty)
  assert.deepEqual(found("  "), Object.keys(TEXTS))
})

test("an excerpt is the line around the first place found", () => {
  const after = " dernier, nous étions à la mer. "
  const cut = "x".repeat(100 - " dernier,\n\nnous étions à la mer. ".length)

  assert.deepEqual(new Search("étè").excerpt(TEXTS.summer), { before: "L’", match: "ÉTÉ", after: `${after}${cut}…` })
})

test("a conversation is found by its title, or by the oldest of its messages that has it", () => {
  const messages = [
    { text: "late été", createdAt: 2 },
    { text: "early été", createdAt: 1 },
  ]

  assert.equal(new Search("ete").among({ title: "" }, messages).excerpt.before, "early ")
  assert.equal(new Search("titre").among({ title: "Le TITRE" }, messages).excerpt, null)
  assert.equal(new Search("rien").among({ title: "Le titre" }, messages), null)
})
