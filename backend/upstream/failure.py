"""Foreign exceptions become our own here, and nowhere else."""

from __future__ import annotations

import ssl

from httptools import HttpParserError

from backend.errors import BackendFailed, BackendTimeout, BackendUnavailable, GatewayError
from backend.upstream.endpoint import Endpoint


def failure_of(fault: Exception, endpoint: Endpoint) -> GatewayError:
    """What a foreign exception of an exchange with this backend means to a caller."""
    error = _meaning(fault, endpoint)
    error.is_unreached = isinstance(fault, OSError)  # as TimeoutError is, and TLS's
    return error


def _meaning(fault: Exception, endpoint: Endpoint) -> GatewayError:
    title = endpoint.title
    if isinstance(fault, TimeoutError):
        return BackendTimeout(f"{title} did not accept a connection in time. {endpoint.remedy}", "connect_timeout")
    if isinstance(fault, ssl.SSLCertVerificationError):
        return BackendFailed(f"{title} showed a certificate that this machine does not trust.", "tls", False)
    if isinstance(fault, ssl.SSLError):
        return BackendFailed(f"{title} does not speak TLS as expected. Should its address start with http://?", "tls")
    if isinstance(fault, HttpParserError):
        return BackendFailed(f"{title} answered with something that is not HTTP. Is its address in .env right?")
    if isinstance(fault, OSError):
        return BackendUnavailable(f"{title} does not answer. {endpoint.remedy}")
    raise fault
