import assert from "node:assert/strict"
import { test } from "node:test"
import Echo from "../../frontend/helpers/echo.js"

const WORDS = "Once upon a time"

function shown(words, pieces) {
  const echo = new Echo(words)
  return pieces.map((piece) => echo.take(piece)).join("") + echo.rest()
}

for (const [pieces, text] of [
  [[WORDS, " there was"], " there was"],
  [["Once ", "upon a", " time there was"], " there was"],
  [[...WORDS, "!"], "!"],
  [["Once upon a mattress"], "Once upon a mattress"],
  [["Once ", "upon"], "Once upon"],
  [[WORDS, WORDS], WORDS],
  [[], ""],
]) {
  test(`of ${JSON.stringify(pieces)} ${JSON.stringify(text)} is new`, () => assert.equal(shown(WORDS, pieces), text))
}

test("what is short may be an accident", () => assert.equal(shown("ha", ["ha", "ha"]), "haha"))
