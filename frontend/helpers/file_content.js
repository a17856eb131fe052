import { importFault } from "./checks.js"

const MOST_BYTES = 100_000_000

/** What a file of the reader's holds: the value of its JSON, or its text where it is none (Markdown). Rejects with an import's Fault. */
export async function contentOf(file) {
  if (file.size > MOST_BYTES) throw importFault("import_too_large", file.name ?? "")
  const text = await file.text()
  if (!/^\s*[[{]/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch {
    throw importFault("import_wrong", "JSON")
  }
}
