"""The signature of a thinking block, which comes back with the next request.

Local models sign nothing. A client that wants no thinking shown still sends its blocks back, so there the signature
carries the thinking itself; else it is a digest, since clients drop blocks without one. Nothing in it is trusted:
whoever sends it could as well have sent the thinking.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from hashlib import sha256

_DIGEST = "p0."
_WHOLE = "p1."


def sign(thinking: str) -> str:
    """For thinking that stands beside it."""
    return _DIGEST + _base64(sha256(thinking.encode()).digest())


def seal(thinking: str) -> str:
    """For thinking that is shown nowhere else."""
    return _WHOLE + _base64(thinking.encode())


def unseal(signature: str) -> str:
    """The thinking that a signature carries; "" for one that carries none, or is another server's."""
    if not signature.startswith(_WHOLE):
        return ""
    encoded = signature[len(_WHOLE) :]
    try:
        return b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True).decode()
    except ValueError:
        return ""


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")
