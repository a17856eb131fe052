// What marked is told beyond its own rules: formulas, no HTML but a handful of harmless tags, links that say where
// they lead. It gives HTML made of few tags, whose attributes never hold the model's text but in `href`.

// Their length is bounded, or a text of many openings without an end would be searched to its end for each of them.
const FORMULA_BLOCK =
  /^ {0,3}(?:\$\$(?:(?!\$\$|\n[ \t]*\n)[\s\S]){1,2000}?\$\$|\\\[(?:(?!\\\]|\n[ \t]*\n)[\s\S]){1,2000}?\\\])[ \t]*(?:\n|$)/
const FORMULA_BEGUN = /^ {0,3}(?:\$\$|\\\[)(?:(?!\n[ \t]*\n)[\s\S])*$/
const FORMULA = new RegExp(
  [
    /^\$\$(?:(?!\$\$)[^`]){1,2000}?\$\$/,
    /^\\\[[^`]{1,2000}?\\\]/,
    /^\\\([^`]{1,2000}?\\\)/,
    /^\$(?![\s$])(?:\\[^\n]|[^\\$\n`])*?(?<!\s)\$(?![\w$])/, // so that "$5 and $10" are sums of money
  ]
    .map((form) => form.source)
    .join("|"),
)
const FORMULA_START = /^ {0,3}(?:\$\$|\\\[)/m
const DOLLARS = /\$\$(?:(?!\$\$)[^`]){1,2000}?\$\$|\$(?![\s$])[^$\n`]*?(?<!\s)\$(?![\w$])/g
const PAIRED_TAG = /^<(sub|sup|kbd)>([^<>\n]{1,200})<\/\1>/i
const LINE_BREAK = /^<br ?\/?>/i
const WEB_ADDRESS = /^(?:https?:\/\/|mailto:)/i
const LANGUAGE = /^[\w+#.-]{1,30}(?=$|[\s{,:])/
const SHOWN_DESTINATION = 80

/** Text that stays what it is. */
const literal = (text) => text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`)

/** Text in which `&eacute;` means é, as Markdown has it. */
const referring = (text) =>
  text.replace(/&(?!(?:#\d{1,7}|#x[\da-f]{1,6}|\w{2,32});)/gi, "&#38;").replace(/[<>"']/g, literal)

const formulaBlock = {
  name: "formulaBlock",
  level: "block",
  start(source) {
    const blank = source.indexOf("\n\n")
    const at = (blank < 0 ? source : source.slice(0, blank)).search(FORMULA_START)
    return at < 0 ? undefined : at
  },
  // A display formula ends before a blank line, as in TeX. While it is being written it is no paragraph yet.
  tokenizer(source, before) {
    const mayGrow = this.lexer.options.isGrowing && before === this.lexer.tokens
    const found = FORMULA_BLOCK.exec(source) ?? (mayGrow ? FORMULA_BEGUN.exec(source) : null)
    if (found) return { type: "formulaBlock", raw: found[0] }
  },
  renderer: ({ raw }) => `<p><span class="formula display">${literal(raw.trim())}</span></p>\n`,
}

const formula = {
  name: "formula",
  level: "inline",
  tokenizer(source) {
    const first = source[0]
    if (first !== "$" && first !== "\\") return
    const found = FORMULA.exec(source)
    if (found) return { type: "formula", raw: found[0] }
  },
  renderer: ({ raw }) => `<span class="formula${/^(?:\$\$|\\\[)/.test(raw) ? " display" : ""}">${literal(raw)}</span>`,
}

const harmlessTag = {
  name: "harmlessTag",
  level: "inline",
  tokenizer(source) {
    if (source[0] !== "<") return
    const lineBreak = LINE_BREAK.exec(source)
    if (lineBreak) return { type: "harmlessTag", raw: lineBreak[0], tag: "br" }
    const paired = PAIRED_TAG.exec(source)
    if (paired)
      return {
        type: "harmlessTag",
        raw: paired[0],
        tag: paired[1].toLowerCase(),
        tokens: this.lexer.inlineTokens(paired[2]),
      }
  },
  renderer({ tag, tokens }) {
    return tag === "br" ? "<br>" : `<${tag}>${this.parser.parseInline(tokens)}</${tag}>`
  },
}

const tokenizer = {
  html: () => undefined,
  tag: () => undefined,
  // marked's rule, ended where a formula may begin.
  inlineText(source) {
    const dollar = source.indexOf("$", 1)
    const [raw] = this.rules.inline.text.exec(dollar < 0 ? source : source.slice(0, dollar)) ?? []
    if (raw) return { type: "text", raw, text: raw, escaped: false }
  },
}

const renderer = {
  html: ({ text }) => literal(text),
  checkbox: ({ checked }) => `<span class="task${checked ? " done" : ""}"></span> `,

  text({ tokens, text }) {
    return tokens ? this.parser.parseInline(tokens) : referring(text)
  },

  /** An answer's headings belong under those of the page. */
  heading({ tokens, depth }) {
    const level = Math.min(depth + 2, 6)
    return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`
  },

  code({ text, lang = "" }) {
    const language = LANGUAGE.exec(lang)?.[0]
    return `<pre><code${language ? ` class="language-${literal(language)}"` : ""}>${literal(text)}</code></pre>\n`
  },

  link({ href, tokens, text, autolink }) {
    const inside = autolink ? literal(text) : withoutLinks(this, () => this.parser.parseInline(tokens))
    return link(href, inside)
  },

  /** An image is never fetched: what stands for it becomes a link. */
  image({ href, text }) {
    const inside = referring(text)
    return this.isInLink ? inside : link(href, inside)
  },
}

function withoutLinks(state, render) {
  state.isInLink = true
  try {
    return render()
  } finally {
    state.isInLink = false
  }
}

function link(href, inside) {
  if (WEB_ADDRESS.test(href)) return `<a href="${referring(href)}">${inside || literal(href)}</a>`
  const shown = literal(href.length > SHOWN_DESTINATION ? `${href.slice(0, SHOWN_DESTINATION)}…` : href)
  return inside === shown || !href ? inside : `${inside} (${shown})`
}

/** Asterisks between dollars are no emphasis. */
const hooks = {
  emStrongMask: (source) =>
    source.includes("$") ? source.replace(DOLLARS, (found) => "a".repeat(found.length)) : source,
}

export const grammar = {
  gfm: true,
  breaks: true,
  extensions: [formulaBlock, formula, harmlessTag],
  tokenizer,
  renderer,
  hooks,
}
