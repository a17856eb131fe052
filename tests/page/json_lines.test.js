import assert from "node:assert/strict"
import { test } from "node:test"
import { jsonLines } from "../../frontend/helpers/json_lines.js"

function bodyOf(...pieces) {
  const waiting = pieces.map((piece) => new TextEncoder().encode(piece))
  const pull = (controller) => (waiting.length ? controller.enqueue(waiting.shift()) : controller.close())
  return new ReadableStream({ pull })
}

test("values come as their lines do, wherever the pieces end", async () => {
  const values = []
  for await (const value of jsonLines(bodyOf('{"a":', '1}\n\n{"b"', ":2}"))) values.push(value)

  assert.deepEqual(values, [{ a: 1 }, { b: 2 }])
})

test("a line that never ends is not kept, and its connection is closed", async () => {
  let sent = 0
  let isClosed = false
  const piece = new TextEncoder().encode("x".repeat(10_000))
  const body = new ReadableStream({
    pull(controller) {
      sent += piece.length
      if (sent > 5_000_000) controller.close()
      else controller.enqueue(piece)
    },
    cancel() {
      isClosed = true
    },
  })

  await assert.rejects(async () => {
    for await (const _ of jsonLines(body));
  }, RangeError)
  assert.ok(isClosed)
})
