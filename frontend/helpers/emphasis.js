import { element } from "./dom.js"

const BOLD = /\*\*(?!\s)([^*\n]+?)(?<!\s)\*\*/

/** Text as nodes, with what stands between two double asterisks in bold: the one mark that nearly every answer has. */
export function emphasized(text) {
  return text.split(BOLD).map((piece, index) => (index % 2 ? element("strong", {}, piece) : new Text(piece)))
}
