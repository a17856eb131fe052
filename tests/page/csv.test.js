import assert from "node:assert/strict"
import { test } from "node:test"
import { csv } from "../../frontend/helpers/csv.js"
import { percentile } from "../../frontend/helpers/percentile.js"

test("cells that look like formulas are defused, and numbers stay numbers", () => {
  const cells = ["=1+1", " @SUM(A1)", "-2", "+3", 'say "hi"', "a,b", "two\nlines", "plain", "", null, -2, true]

  assert.equal(csv([cells]), `'=1+1,' @SUM(A1),'-2,'+3,"say ""hi""","a,b","two\nlines",plain,,,-2,true\r\n`)
})

test("a percentile is always a value that was measured", () => {
  assert.deepEqual(
    [50, 95].map((rank) => percentile([5, 1, 4, 2], rank)),
    [2, 5],
  )
  assert.equal(percentile([], 50), null)
})
