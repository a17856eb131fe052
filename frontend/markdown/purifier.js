// The last gate before the document, whatever made the HTML (marked, KaTeX, highlight.js): a short list of elements
// and attributes, everything else is dropped. No style, no id or name, nothing that loads or submits anything.

const HTML_TAGS = [
  "a",
  "blockquote",
  "br",
  "code",
  "del",
  "em",
  "h3",
  "h4",
  "h5",
  "h6",
  "hr",
  "kbd",
  "li",
  "ol",
  "p",
  "pre",
  "span",
  "strong",
  "sub",
  "sup",
  "table",
  "tbody",
  "td",
  "th",
  "thead",
  "tr",
  "ul",
]
const MATHML_TAGS = [
  "annotation",
  "math",
  "menclose",
  "mfrac",
  "mi",
  "mmultiscripts",
  "mn",
  "mo",
  "mover",
  "mpadded",
  "mphantom",
  "mprescripts",
  "mroot",
  "mrow",
  "ms",
  "mspace",
  "msqrt",
  "mstyle",
  "msub",
  "msubsup",
  "msup",
  "mtable",
  "mtd",
  "mtext",
  "mtr",
  "munder",
  "munderover",
  "none",
  "semantics",
]
const HTML_ATTRIBUTES = ["align", "class", "href", "start"]
const MATHML_ATTRIBUTES = [
  "accent",
  "accentunder",
  "columnalign",
  "columnlines",
  "columnspacing",
  "depth",
  "display",
  "displaystyle",
  "encoding",
  "fence",
  "height",
  "largeop",
  "linethickness",
  "lspace",
  "mathbackground",
  "mathcolor",
  "mathsize",
  "mathvariant",
  "maxsize",
  "minsize",
  "movablelimits",
  "notation",
  "rowlines",
  "rowspacing",
  "rspace",
  "scriptlevel",
  "separator",
  "stretchy",
  "symmetric",
  "voffset",
  "width",
  "xmlns",
]
const CLASSES = /^(?:task|task done|formula|formula display|language-[\w+#.-]+|hljs-[\w-]+(?: \w+_)*)$/

export const ALLOWED_TAGS = [...HTML_TAGS, ...MATHML_TAGS]
export const ALLOWED_ATTRIBUTES = [...HTML_ATTRIBUTES, ...MATHML_ATTRIBUTES]

let library = null

/** `DOMPurify`'s policy of that name is the only one that may turn text into markup; it is made once a page. */
export function arm(DOMPurify) {
  DOMPurify.setConfig({
    ALLOWED_TAGS,
    ALLOWED_ATTR: ALLOWED_ATTRIBUTES,
    ADD_URI_SAFE_ATTR: ALLOWED_ATTRIBUTES.filter((name) => name !== "href"),
    ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:)/i,
    ALLOW_ARIA_ATTR: false,
    ALLOW_DATA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  })
  DOMPurify.addHook("uponSanitizeAttribute", (_, attribute) => {
    if (attribute.attrName === "class") attribute.keepAttr = CLASSES.test(attribute.attrValue)
  })
  library = DOMPurify
}

/** HTML as a DocumentFragment of harmless nodes. */
export function purify(html) {
  return library.sanitize(html) ?? new DocumentFragment()
}
