"""Reads images that a request carries in itself. The gateway fetches nothing: an address is refused."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error

from backend.dialects.chat import Image
from backend.dialects.fields import Fields
from backend.errors import BadRequest, Unsupported

_TYPES = {
    "image/png": "image/png",
    "image/jpeg": "image/jpeg",
    "image/jpg": "image/jpeg",
    "image/webp": "image/webp",
    "image/gif": "image/gif",
}
_HEADER_LENGTH = 64


def read_images(fields: Fields) -> tuple[Image, ...]:
    """Ollama's `images`: a list of base64, or of data URIs."""
    param = fields.param("images")
    return tuple(
        read_data_uri(image, f"{param}[{index}]") if ":" in image[:16] else read_base64(image, f"{param}[{index}]")
        for index, image in enumerate(fields.texts("images"))
    )


def read_data_uri(uri: str, param: str) -> Image:
    """`data:image/png;base64,…`; without a type (`data:;base64,…`) the first bytes tell it."""
    if uri[:5].lower() != "data:":
        raise BadRequest(
            "The gateway fetches nothing from other addresses: send the image itself, as `data:image/png;base64,…`.",
            param,
        )
    comma = uri.find(",", 0, _HEADER_LENGTH)
    media_type, _, encoding = uri[5 : max(comma, 5)].lower().partition(";")
    if encoding != "base64":
        raise BadRequest("An image must start with `data:image/png;base64,`, or another type's name.", param)
    data = uri[comma + 1 :]
    return read_typed(media_type, data, param) if media_type else read_base64(data, param)


def read_typed(media_type: str, data: str, param: str) -> Image:
    """Base64 of this type."""
    if media_type.lower() not in _TYPES:
        raise Unsupported("Images may be PNG, JPEG, WebP or GIF.", param)
    _decoded(data, param)
    return Image(_TYPES[media_type.lower()], data)


def read_base64(data: str, param: str) -> Image:
    """Base64 without a type, as Ollama's API takes it: the first bytes tell what it is."""
    head = _decoded(data, param)[:12]
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Image("image/png", data)
    if head.startswith(b"\xff\xd8\xff"):
        return Image("image/jpeg", data)
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Image("image/gif", data)
    if head.startswith(b"RIFF") and head[8:] == b"WEBP":
        return Image("image/webp", data)
    raise Unsupported("Images may be PNG, JPEG, WebP or GIF; these bytes are none of them.", param)


def _decoded(data: str, param: str) -> bytes:
    try:
        image = b64decode(data, validate=True)
    except (Error, ValueError):
        raise BadRequest("The image is not valid base64 (the standard alphabet, with its padding).", param) from None
    if not image:
        raise BadRequest("The image is empty.", param)
    return image
