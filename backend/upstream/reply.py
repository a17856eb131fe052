"""One HTTP response as it arrives. llhttp does the parsing."""

from __future__ import annotations

from httptools import HttpParserError, HttpResponseParser

HEAD_LIMIT = 65536


class Reply:
    """One HTTP response as it arrives: the head, then body pieces for whoever takes them."""

    __slots__ = (
        "_head_size",
        "_is_framed",
        "_parser",
        "_pieces",
        "content_type",
        "is_complete",
        "keeps_connection",
        "status",
    )

    def __init__(self) -> None:
        self.status = 0
        self.content_type = ""
        self.is_complete = False
        self.keeps_connection = False
        self._is_framed = False
        self._head_size = 0
        self._pieces: list[bytes] = []
        self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> bytes:
        """Take bytes off the wire, give the body bytes they hold. Raises HttpParserError."""
        if not self.status:
            self._head_size += len(data)
            if self._head_size > 2 * HEAD_LIMIT:
                raise HttpParserError("the head is too large")
        self._parser.feed_data(data)
        pieces = self._pieces
        if not pieces:
            return b""
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        return body

    @property
    def ends_with_connection(self) -> bool:
        """Neither a length nor chunks: only the end of the connection ends this body."""
        return bool(self.status) and not self._is_framed

    # httptools calls these

    def on_header(self, name: bytes, value: bytes) -> None:
        match name.lower():
            case b"content-type":
                self.content_type = value.decode("latin-1").strip().lower()
            case b"content-length" | b"transfer-encoding":
                self._is_framed = True

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        if self.status < 200:  # an interim response: the real one follows
            self.status, self.content_type, self._is_framed = 0, "", False
        else:
            self.is_complete = True
            self.keeps_connection = bool(self._parser.should_keep_alive())  # the parser forgets it afterwards
