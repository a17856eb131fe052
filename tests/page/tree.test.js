import assert from "node:assert/strict"
import { test } from "node:test"
import { titleFrom } from "../../frontend/state/conversations/message.js"
import Tree from "../../frontend/state/conversations/tree.js"

const CHAIN = [
  ["question", null],
  ["first", "question"],
  ["second", "question"],
  ["more", "first"],
]
const messages = CHAIN.map(([id, parentId], createdAt) => ({ id, parentId, createdAt }))
const ids = (some) => some.map(({ id }) => id)

test("a head tells which branch is shown; without one it is the newest", () => {
  const tree = new Tree(messages)

  assert.deepEqual(ids(tree.path("second")), ["question", "second"])
  assert.deepEqual(ids(tree.path("nothing")), ["question", "first", "more"])
  assert.equal(tree.leafUnder(tree.get("question")).id, "second")
})

test("versions of a message are siblings, those of the first one, too", () => {
  const tree = new Tree([...messages, { id: "edited", parentId: null, createdAt: 9 }])

  assert.deepEqual(ids(tree.siblings(tree.get("second"))), ["first", "second"])
  assert.deepEqual(ids(tree.siblings(tree.get("question"))), ["question", "edited"])
})

test("a message goes with all that follows it", () => {
  const tree = new Tree(messages)

  assert.deepEqual(ids(tree.remove("first")), ["first", "more"])
  assert.deepEqual(ids(tree.messages), ["question", "second"])
})

test("a title is the first line of a question, cut at a word", () => {
  assert.equal(titleFrom("  \n\n  Two   words \nmore"), "Two words")
  const long = "Pourquoi les feuilles des arbres deviennent-elles rouges, jaunes ou brunes en automne ?"
  assert.equal(titleFrom(long), "Pourquoi les feuilles des arbres deviennent-elles rouges…")
  assert.equal(titleFrom("é".repeat(80)), `${"é".repeat(59)}…`)
  assert.equal(titleFrom(" \n "), "")
})
