import assert from "node:assert/strict"
import { test } from "node:test"
import { fill, variablesOf } from "../../frontend/helpers/template.js"

const TEXT =
  "{{topic}} {{ thème_2 }} \\{{topic}} {{}} {{a b}} {{ constructor }} {{the\u0300me_2}} {{__proto__}} {single} {{topic}}"

test("placeholders are found once each, in their order, whatever they are called", () => {
  assert.deepEqual(variablesOf(TEXT, ["{{more}}", "{{topic}}"]), [
    "topic",
    "thème_2",
    "constructor",
    "__proto__",
    "more",
  ])
})

test("values are put in as they are, never filled in turn; what has none keeps its braces", () => {
  const values = { topic: "{{more}} $& $1 \\{{x}}", thème_2: 5, more: "never" }

  assert.equal(
    fill(TEXT, values),
    "{{more}} $& $1 \\{{x}} 5 {{topic}} {{}} {{a b}} {{ constructor }} 5 {{__proto__}} {single} {{more}} $& $1 \\{{x}}",
  )
  assert.equal(fill("{{empty}}|{{none}}", { empty: "" }), "|{{none}}")
})
