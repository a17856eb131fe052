// KaTeX writes full MathML; browsers draw MathML Core, without letters of other alphabets and aligned columns.

// Where an alphabet begins in Unicode, and the letters that had a place of their own before.
const ALPHABETS = {
  "double-struck": [0x1d538, { C: "ℂ", H: "ℍ", N: "ℕ", P: "ℙ", Q: "ℚ", R: "ℝ", Z: "ℤ" }],
  fraktur: [0x1d504, { C: "ℭ", H: "ℌ", I: "ℑ", R: "ℜ", Z: "ℨ" }],
  script: [0x1d49c, { B: "ℬ", E: "ℰ", F: "ℱ", H: "ℋ", I: "ℐ", L: "ℒ", M: "ℳ", R: "ℛ", e: "ℯ", g: "ℊ", o: "ℴ" }],
}
const ALIGNMENTS = ["left", "right"]

export function fitToCore(math) {
  for (const letters of math.querySelectorAll("[mathvariant]")) rewrite(letters)
  for (const table of math.querySelectorAll("mtable[columnalign]")) align(table)
  return math
}

function rewrite(letters) {
  const [first, places] = ALPHABETS[letters.getAttribute("mathvariant")] ?? []
  if (!first || letters.childElementCount) return
  letters.textContent = letters.textContent.replace(/[A-Za-z]/g, (letter) => {
    const index = letter.charCodeAt(0) - (letter < "a" ? 65 : 71)
    return places[letter] ?? String.fromCodePoint(first + index)
  })
}

function align(table) {
  const columns = table.getAttribute("columnalign").split(" ")
  for (const row of table.children) {
    ;[...row.children].forEach((cell, index) => {
      const alignment = columns[index] ?? columns.at(-1)
      if (ALIGNMENTS.includes(alignment)) cell.classList.add(alignment)
    })
  }
}
