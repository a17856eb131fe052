import { copyText } from "../helpers/clipboard.js"
import { element } from "../helpers/dom.js"
import { whenIdle } from "../helpers/idle.js"
import { vendored } from "../helpers/vendored.js"
import { purify } from "./purifier.js"
import { sources } from "./settle.js"

// A block of this size takes some 20 ms; longer ones stay uncoloured rather than hold up the page.
const LONGEST_COLOURED = 20_000
const COPIED_MS = 2000
let colours = null

/** A `pre` becomes a block with its language, a Copy button and a box that scrolls by keyboard too. */
export function dressCode(pre, words) {
  const code = pre.firstElementChild
  const language = code.className.slice("language-".length)
  const copy = element("button", { type: "button", className: "copy" }, words.t("copy"))
  copy.addEventListener("click", () => copyBlock(copy, code.textContent, words))
  Object.assign(pre, {
    tabIndex: 0,
    role: "group",
    ariaLabel: language ? words.t("code_in", { language }) : words.t("code"),
  })
  const head = element(
    "div",
    { className: "code-head" },
    element("span", { className: "code-language" }, language),
    copy,
  )
  const block = element("div", { className: "code-block" }, head)
  pre.replaceWith(block)
  block.append(pre)
  sources.set(block, { text: `${language}\n${code.textContent}`, isFinished: false })
}

async function copyBlock(button, text, words) {
  button.textContent = (await copyText(text)) ? words.t("copied") : words.t("copy_refused")
  setTimeout(() => {
    button.textContent = words.t("copy")
  }, COPIED_MS)
}

/** Colours the finished blocks within (or at) `root`, one after the other, when the browser has time. */
export function colourCode(root) {
  for (const code of root.querySelectorAll(".code-block code[class]")) {
    if (code.textContent.length > LONGEST_COLOURED) continue
    colours ??= vendored("highlight", () => import("highlight.js")).then((found) => found.default)
    colours.then(
      (highlighter) => whenIdle(() => colour(code, highlighter)),
      () => {},
    )
  }
}

function colour(code, highlighter) {
  const language = code.className.slice("language-".length)
  const source = sources.get(code.closest(".code-block"))
  if (!source || source.isFinished || !highlighter.getLanguage(language)) return // without a source it was replaced meanwhile
  if (isSelected(code)) return void setTimeout(() => whenIdle(() => colour(code, highlighter)), COPIED_MS)
  const coloured = highlighter.highlight(code.textContent, { language, ignoreIllegals: true })
  code.replaceChildren(purify(coloured.value))
  source.isFinished = true
}

/** New nodes would take a selection away from the reader. */
function isSelected(code) {
  const selection = document.getSelection()
  return selection !== null && !selection.isCollapsed && selection.containsNode(code, true)
}
