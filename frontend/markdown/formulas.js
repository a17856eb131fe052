import { whenIdle } from "../helpers/idle.js"
import { once } from "../helpers/once.js"
import { vendored } from "../helpers/vendored.js"
import { fitToCore } from "./mathml.js"
import { purify } from "./purifier.js"
import { sources } from "./settle.js"

const DELIMITED = /^(?:\$\$|\\\[|\\\(|\$)([\s\S]*?)(?:\$\$|\\\]|\\\)|\$)$/
const LONGEST = 2000
const AT_ONCE_MS = 6
const BOUNDS = { trust: false, throwOnError: false, strict: "ignore", maxExpand: 200, maxSize: 20, output: "mathml" }
const waiting = new Set()
let typesetter = null

export function noteFormula(formula) {
  sources.set(formula, { text: formula.textContent, isFinished: false })
}

/** Typesets the formulas within `root`: the first few at once, the others when the browser has time. */
export function typesetFormulas(root) {
  const formulas = [...root.querySelectorAll(".formula")].filter(
    (formula) => sources.get(formula)?.isFinished === false,
  )
  const end = performance.now() + AT_ONCE_MS
  for (const formula of formulas) {
    if (!typesetter) wait(formula)
    else if (performance.now() < end) typeset(formula)
    else whenIdle(() => typeset(formula))
  }
}

/** The first formula of all makes KaTeX come. */
function wait(formula) {
  waiting.add(formula)
  load()
}

const load = once(() =>
  vendored("math", () => import("katex")).then(
    (katex) => {
      typesetter = katex
      for (const one of waiting) whenIdle(() => typeset(one))
      waiting.clear()
    },
    () => waiting.clear(),
  ),
)

/** What KaTeX cannot read stays as it was written. */
function typeset(formula) {
  const source = sources.get(formula)
  const [, tex] = DELIMITED.exec(source.text.trim()) ?? []
  if (source.isFinished || !tex || tex.length > LONGEST) return
  source.isFinished = true
  const displayMode = formula.classList.contains("display")
  const math = purify(attempt(tex, displayMode)).querySelector("math")
  if (math) formula.replaceChildren(fitToCore(math))
}

// A style would be dropped by the purifier anyway, but the page's policy reports the mere reading of one.
function attempt(tex, displayMode) {
  try {
    return typesetter.renderToString(tex, { ...BOUNDS, displayMode }).replace(/ style="[^"]*"/g, "")
  } catch {
    return "" // no fault of its grammar but, say, a nesting too deep for the stack
  }
}
