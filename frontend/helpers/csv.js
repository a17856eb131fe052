// What a spreadsheet would take for a formula; spaces before it do not protect from that.
const FORMULA = /^\s*[=+\-@]/

/**
 * Rows as CSV (RFC 4180). Texts may come from anywhere, so that one which looks like a formula gets an apostrophe in
 * front; numbers stay numbers. No byte order mark: the file is for programs, and several take it for part of a name.
 */
export function csv(rows) {
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("")
}

function cell(value) {
  if (value === null || value === undefined) return ""
  if (typeof value !== "string") return String(value)
  const harmless = FORMULA.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}
