/**
 * The one door from a model's text to nodes of the page. Markdown → HTML of few tags (marked) → harmless nodes
 * (DOMPurify) → dressed nodes: code with its Copy button, links with their host, tables that scroll, formulas.
 */
import { element } from "../helpers/dom.js"
import { once } from "../helpers/once.js"
import { vendored } from "../helpers/vendored.js"
import { colourCode, dressCode } from "./code.js"
import { noteFormula, typesetFormulas } from "./formulas.js"
import { grammar } from "./grammar.js"
import { dressLink } from "./links.js"
import { arm, purify } from "./purifier.js"

let marked = null

/** Loads what turns Markdown into nodes. Rejects with Fault "libraries". */
export const loadMarkdown = once(() => vendored("markdown", fromNetwork).then(begin))

/** A whole text as nodes; the colours of its code and its formulas may follow. Not before `loadMarkdown()` is done. */
export function renderMarkdown(text, words) {
  const fragment = nodesOf(lex(text), words)
  finish(fragment)
  return fragment
}

/** marked's blocks of a text. `links`: definitions that stood before it; `isGrowing`: its last block may go on. */
export function lex(text, { links, isGrowing = false } = {}) {
  const lexer = new marked.Lexer({ ...marked.options, isGrowing })
  Object.assign(lexer.tokens.links, links)
  return unlessTooDeep(
    () => lexer.lex(text),
    () => [verbatim(text)],
  )
}

/** What `lex` would give, without a look into the blocks: cheap, for comparing texts. */
export function outline(text) {
  const lexer = new marked.Lexer(marked.options)
  const blocks = unlessTooDeep(
    () => lexer.blockTokens(text, lexer.tokens),
    () => [verbatim(text)],
  )
  return { blocks, links: lexer.tokens.links }
}

/** Blocks as nodes, without what may come later: see `finish`. */
export function nodesOf(blocks, words) {
  const html = unlessTooDeep(
    () => parse(blocks),
    () => parse([verbatim(blocks.map(({ raw }) => raw).join(""))]),
  )
  const fragment = html ? purify(html) : new DocumentFragment()
  for (const node of fragment.querySelectorAll("a, pre, table, .task, .formula")) dress(node, words)
  return fragment
}

/** Gives the code blocks and formulas under `root` their final look, when the browser has time. */
export function finish(root) {
  typesetFormulas(root)
  colourCode(root)
}

function parse(blocks) {
  return marked.Parser.parse(blocks, marked.options)
}

/** Some thousand quotes in one another exceed the stack: such a text is shown as it is. */
function unlessTooDeep(read, otherwise) {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof RangeError) return otherwise()
    throw thrown
  }
}

function verbatim(text) {
  return { type: "code", raw: text, text }
}

function dress(node, words) {
  if (node.localName === "a") dressLink(node)
  else if (node.localName === "pre") dressCode(node, words)
  else if (node.localName === "table") dressTable(node, words)
  else if (node.classList.contains("formula")) noteFormula(node)
  else dressTask(node, words)
}

function dressTable(table, words) {
  const box = element("div", { className: "table-box", tabIndex: 0, role: "group", ariaLabel: words.t("table") })
  table.replaceWith(box)
  box.append(table)
}

function dressTask(box, words) {
  Object.assign(box, { role: "img", ariaLabel: words.t(box.classList.contains("done") ? "task_done" : "task_open") })
  box.closest("li")?.classList.add("task-item")
}

function begin({ DOMPurify, Lexer, Marked, Parser }) {
  arm(DOMPurify)
  marked = { Lexer, Parser, options: new Marked(grammar).defaults }
}

async function fromNetwork() {
  const [{ default: DOMPurify }, { Lexer, Marked, Parser }] = await Promise.all([import("dompurify"), import("marked")])
  return { DOMPurify, Lexer, Marked, Parser }
}
