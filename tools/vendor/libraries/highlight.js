// Colours for code in the three dozen languages that the library's authors count as common.
export { default } from "highlight.js/lib/common"
