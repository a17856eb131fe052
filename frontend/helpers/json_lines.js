const LONGEST_LINE = 2 ** 16

/** The values of a body of NDJSON as they come. Rejects with SyntaxError or RangeError for what is none; leaving the loop closes the connection. */
export async function* jsonLines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ""
  try {
    for (;;) {
      const { value = "", done } = await reader.read()
      const lines = (rest + value).split("\n")
      rest = done ? "" : lines.pop()
      if (rest.length > LONGEST_LINE) throw new RangeError("a line without an end")
      for (const line of lines) if (line.trim()) yield JSON.parse(line)
      if (done) return
    }
  } finally {
    reader.cancel().catch(() => {}) // of a broken stream nothing is left to be closed
  }
}
