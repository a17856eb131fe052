"""The files that the page is made of, each read, measured and compressed once per version. Knows no requests."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import posixpath
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from werkzeug.security import safe_join

# Named here, since Python asks the operating system otherwise, and Windows may call .js plain text.
MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
INDEX = "index.html"
WORKER = "sw.js"
BUILT_LATER = "vendor"
_PRELOADS = re.compile(rb'(?: *<link rel="modulepreload" href="[^"]+">\r?\n)+')
_NAMES = re.compile(r'href="([^"]+)"')
_PINNED = re.compile(r'"\./([^"]+)": "(sha\d+-[^"]+)"')
_IMPORTS = re.compile(rb"""^(?:import|export)\s(?:[^"';=()]*\sfrom\s)?\s*"(\.[^"]+\.js)\"""", re.MULTILINE)


class Content:
    """Bytes, and what is worked out from them when it is first asked for."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    @cached_property
    def digest(self) -> str:
        """SHA-256 in base64, as in the attribute `integrity`."""
        return base64.b64encode(hashlib.sha256(self.body).digest()).decode()

    @cached_property
    def gzipped(self) -> bytes:
        return gzip.compress(self.body, 6, mtime=0)  # level 9 takes a third longer and saves 0.2 % of LangChain

    @cached_property
    def imports(self) -> list[str]:
        """What a module imports of the page's own files before it runs, as it calls them: `./part.js`."""
        return [name.decode() for name in _IMPORTS.findall(self.body)]


class PageFiles:
    """What of a folder belongs to the page: the files and folders that are there at start, and `vendor/`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        found = sorted(folder.iterdir()) if folder.is_dir() else []
        self.files = [path.name for path in found if path.is_file() and path.suffix in MEDIA_TYPES]
        self.folders = [path.name for path in found if path.is_dir() and not path.name.startswith(".")]
        if BUILT_LATER not in self.folders:
            self.folders.append(BUILT_LATER)
        self._contents: dict[str, tuple[tuple[int, int], Content]] = {}

    def content(self, name: str) -> Content | None:
        """What the file of that name (`views/chat/chat_view.js`) holds now, or None where there is none."""
        path = safe_join(str(self._folder), name)
        is_plain = posixpath.normpath(name) == name and Path(name).suffix in MEDIA_TYPES
        if path is None or not is_plain or not Path(path).is_file():
            return None
        with Path(path).open("rb") as file:
            facts = os.fstat(file.fileno())
            stamp = (facts.st_mtime_ns, facts.st_size)
            known = self._contents.get(name)
            if known is None or known[0] != stamp:
                known = self._contents[name] = (stamp, Content(file.read()))
        return known[1]

    def index(self) -> Content | None:
        """The page's HTML, which preloads some modules, with preloads for all that these import, as far as they exist.

        Browsers may do that by themselves, but don't: they would learn of a module only when the one that imports it
        has come, six times in a row at the first visit. What the import map pins is preloaded with its hash: a browser
        does not use it otherwise.
        """
        html = self.content(INDEX)
        block = _PRELOADS.search(html.body) if html else None
        if html is None or block is None:
            return html
        modules: dict[str, Content] = {}
        for name in (names := _NAMES.findall(block[0].decode())):  # which grows meanwhile
            module = None if name in modules else self.content(name)
            if module is not None:
                modules[name] = module
                names += [
                    posixpath.normpath(posixpath.join(posixpath.dirname(name), found)) for found in module.imports
                ]
        pinned = {name: f' integrity="{pin}"' for name, pin in _PINNED.findall(html.body.decode())}
        links = (f'  <link rel="modulepreload" href="{name}"{pinned.get(name, "")}>\n' for name in modules)
        return Content(html.body[: block.start()] + "".join(links).encode() + html.body[block.end() :])

    def worker(self) -> Content | None:
        """The service worker, with the list of what it keeps written in front.

        So it knows that list before it has to decide on a request, and a browser, which compares workers byte by
        byte, sees a new one whenever any file of the page is new.
        """
        script = self.content(WORKER)
        if script is None:
            return None
        contents = {f"/{name}": self.content(name) for name in self._names()}
        contents["/"] = contents[f"/{INDEX}"] = self.index()
        digests = {path: f"sha256-{content.digest}" for path, content in contents.items() if content}
        version = hashlib.sha256(json.dumps(digests).encode()).hexdigest()[:16]
        page = json.dumps({"version": version, "files": digests}, indent=2)
        return Content(f"const PAGE = {page}\n\n".encode() + script.body)

    def _names(self) -> Iterator[str]:
        yield from (name for name in self.files if name != WORKER)
        for top in self.folders:
            for path in sorted((self._folder / top).rglob("*")):
                if path.is_file() and path.suffix in MEDIA_TYPES:
                    yield path.relative_to(self._folder).as_posix()
