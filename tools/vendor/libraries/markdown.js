// Markdown to HTML, and HTML to harmless nodes: frontend/markdown/markdown.js names the same things.
export { default as DOMPurify } from "dompurify"
export { Lexer, Marked, Parser } from "marked"
