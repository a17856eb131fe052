const PLACEHOLDER = /(\\?)\{\{\s*([\p{L}\p{M}\p{N}_]+)\s*\}\}/gu

/**
 * The names of the placeholders in texts, `{{topic}}` or `{{ topic }}`, each once, in order. A backslash before one,
 * `\{{topic}}`, makes it plain text.
 */
export function variablesOf(...texts) {
  const found = texts
    .flat()
    .flatMap((text) => [...text.matchAll(PLACEHOLDER)].filter(([, slash]) => !slash).map(nameOf))
  return [...new Set(found)]
}

/** The text with its placeholders' values; one without a value stays. Values are put in as they are, never filled in turn. */
export function fill(text, values) {
  return text.replace(PLACEHOLDER, (placeholder, slash, ...rest) => {
    if (slash) return placeholder.slice(1)
    const name = nameOf([placeholder, slash, ...rest])
    return Object.hasOwn(values, name) ? String(values[name] ?? "") : placeholder
  })
}

/** Composed, since one person's é may be two characters of another. */
function nameOf([, , name]) {
  return name.normalize("NFC")
}
