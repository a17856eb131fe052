// Formulas; loaded when an answer has one.
export { renderToString } from "katex"
