const BEFORE = 40
const AFTER = 100
const LETTERS = /[\u00c0-\u024f\u1e00-\u1eff]/u
const LIGATURES = { œ: "oe", æ: "ae", ß: "ss" }
const MARKS = "\\p{M}*"

/** Letters without accents and capitals: "Été" and "ete" are the same, and so are "cœur" and "coeur". */
export function folded(text) {
  return text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[œæß]/g, (letter) => LIGATURES[letter])
}

/**
 * Finds the words of a query in texts, whatever their accents and capitals. The query becomes a pattern, the texts stay
 * as they are: they are many, and the place found is a place in the text itself.
 */
export default class Search {
  #patterns

  constructor(query) {
    this.#patterns = query
      .trim()
      .slice(0, 200)
      .split(/\s+/)
      .filter(Boolean)
      .map((word) => new RegExp(patternOf(word), "iu"))
  }

  /** Nothing to look for: everything is found. */
  get isEmpty() {
    return this.#patterns.length === 0
  }

  finds(text) {
    return this.#patterns.every((pattern) => pattern.test(text))
  }

  /** A conversation that has it, with an `excerpt` of its first message that has it; null for any other. */
  among(conversation, messages) {
    let first = null
    for (const message of messages) {
      if ((!first || message.createdAt < first.createdAt) && this.finds(message.text)) first = message
    }
    if (!first && !this.finds(conversation.title)) return null
    return { ...conversation, excerpt: first && this.excerpt(first.text) }
  }

  /** What stands around the first place found, on one line: `{before, match, after}`. */
  excerpt(text) {
    const { index, 0: match } = this.#patterns[0].exec(text)
    const before = oneLine(text.slice(Math.max(0, index - BEFORE), index))
    const after = oneLine(text.slice(index + match.length, index + match.length + AFTER))
    return {
      before: (index > BEFORE ? "…" : "") + before.trimStart(),
      match,
      after: after.trimEnd() + (index + match.length + AFTER < text.length ? "…" : ""),
    }
  }
}

function oneLine(text) {
  return text.toWellFormed?.().replace(/\s+/g, " ") ?? text.replace(/\s+/g, " ")
}

function patternOf(word) {
  const letters = folded(word)
  let pattern = ""
  for (let at = 0; at < letters.length; at++) {
    const pair = letters.slice(at, at + 2)
    const ligature = Object.keys(LIGATURES).find((one) => LIGATURES[one] === pair)
    if (ligature) {
      pattern += `(?:${letterPattern(pair[0])}${letterPattern(pair[1])}|${ligature})`
      at++
    } else {
      const point = String.fromCodePoint(letters.codePointAt(at))
      pattern += letterPattern(point)
      at += point.length - 1
    }
  }
  return pattern
}

function letterPattern(letter) {
  const variants = VARIANTS.get(letter)
  if (variants) return `[${letter}${variants}]${MARKS}`
  return letter.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&") + (/\p{L}/u.test(letter) ? MARKS : "")
}

/** e → "éèêë…": every accented letter of the Latin alphabets under its plain one. */
const VARIANTS = new Map()
for (let point = 0xc0; point <= 0x1eff; point = point === 0x24f ? 0x1e00 : point + 1) {
  const letter = String.fromCharCode(point)
  const plain = folded(letter)
  if (LETTERS.test(letter) && plain.length === 1 && plain !== letter.toLowerCase())
    VARIANTS.set(plain, (VARIANTS.get(plain) ?? "") + letter)
}
