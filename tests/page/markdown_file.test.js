import assert from "node:assert/strict"
import { test } from "node:test"
import { markdownFile, readMarkdownFile } from "../../frontend/state/conversations/files/markdown_file.js"
import { refusal } from "./browser.js"

const PIECES = [
  "plain words",
  "",
  " ",
  "\n",
  "\n\n",
  "\r\n",
  "\r",
  "\t",
  "> quoted",
  ">",
  "# Title <!-- passerelle conversation 1 -->",
  "## User <!-- passerelle user 2026-01-01T00:00:00.000Z -->",
  "### Answer <!-- passerelle text -->",
  "<!--",
  "-->",
  "```",
  "````js",
  "*3 → 4 tokens*",
  "\u2028",
  "é😀",
  "\ufeff",
  "\x00",
  "---",
]
const LABELS = { user: "Vous", assistant: "Réponse <!-- passerelle user -->", figures: () => "## x" }

/** The same numbers below `most` at every run. */
function dice(seed) {
  let state = seed
  return (most) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * most)
  }
}

test("a conversation comes back text for text, whatever it says", () => {
  const roll = dice(7)
  const text = () => Array.from({ length: roll(6) }, () => PIECES[roll(PIECES.length)] + ["", "\n"][roll(2)]).join("")
  for (let turn = 0; turn < 500; turn++) {
    const conversation = { title: text(), system: text() }
    const path = Array.from({ length: 1 + roll(4) }, (_, n) => ({
      role: n % 2 ? "assistant" : "user",
      text: text(),
      thought: text(),
      createdAt: n,
      answer: { model: "m" },
    }))

    const back = readMarkdownFile(markdownFile(conversation, path, LABELS))

    const said = ({ text, thought = "", role, createdAt }) => ({ text, thought, role, createdAt })
    assert.deepEqual([back.system, back.messages.map(said)], [conversation.system, path.map(said)])
  }
})

const ANSWER = { model: "m", usage: { input_tokens: 3, output_tokens: 4 }, tokensPerSecond: 12.34 }
const FILE = markdownFile({ title: "Mine", system: "Be\nbrief" }, [
  { role: "user", text: "Why?", createdAt: 0 },
  { role: "assistant", text: "Shown", thought: "hm", createdAt: 1, answer: ANSWER },
])

test("it reads well", () => {
  const lines = FILE.split("\n").filter(Boolean)

  assert.equal(lines[0], "# Mine <!-- passerelle conversation 1 -->")
  assert.deepEqual(lines.slice(2, 5), ["## System prompt <!-- passerelle system -->", "> Be", "> brief"])
  assert.equal(lines[7], "## Assistant · m <!-- passerelle assistant 1970-01-01T00:00:00.001Z -->")
  assert.equal(lines.at(-1), "*3 → 4 tokens · 12.3 tokens/s*")
})

test("a program that ends every line in its own way does no harm", () => {
  const told = ({ title, system, isTitled, messages }) => ({ title, system, isTitled, messages })

  assert.deepEqual(told(readMarkdownFile(FILE.replaceAll("\n", "\r\n"))), told(readMarkdownFile(FILE)))
  assert.ok(readMarkdownFile(FILE).isTitled)
})

test("what is not ours is refused", () => {
  assert.equal(
    refusal(() => readMarkdownFile("Dear diary")),
    "import_foreign #",
  )
  assert.equal(
    refusal(() => readMarkdownFile("# T <!-- passerelle conversation 2 -->")),
    "import_newer #",
  )
  const orphan = "# T <!-- passerelle conversation 1 -->\n### R <!-- passerelle thought -->"
  assert.equal(
    refusal(() => readMarkdownFile(orphan)),
    "import_wrong thought",
  )
})
