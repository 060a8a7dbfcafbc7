"""TLS: whom it trusts, how a connection is secured, and what its failures are called."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

import certifi
from gevent import ssl

if TYPE_CHECKING:
    from gevent import socket

UNTRUSTED: Final = "TLS failure: certificate not trusted"
WRONG_NAME: Final = "TLS failure: certificate of another host"
EXPIRED: Final = "TLS failure: certificate expired"
NOT_YET_VALID: Final = "TLS failure: certificate not yet valid"
INVALID: Final = "TLS failure: certificate invalid"
REJECTED: Final = "TLS failure: rejected by the server"
BROKEN_OFF: Final = "TLS failure: handshake broken off"
PROTOCOL: Final = "TLS failure: not the protocol"

_BY_VERIFY_CODE: Final = {  # of OpenSSL's x509_vfy.h
    9: NOT_YET_VALID,
    10: EXPIRED,
    18: UNTRUSTED,  # signed by itself
    19: UNTRUSTED,  # signed by itself at the end of the chain
    20: UNTRUSTED,  # issuer not at hand
    21: UNTRUSTED,  # first certificate not verifiable
    62: WRONG_NAME,  # host name
    64: WRONG_NAME,  # IP address
}


class TlsError(Exception):
    """A connection that could not be secured."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind  # What it is counted as


@cache
def make_context(ca_file: str | None) -> ssl.SSLContext:
    """The rules of a TLS client: certificate and host name are verified, always.

    Made once a process, not once a user: to read all the certificates takes a while and much memory.

    `ca_file`: A PEM bundle to trust instead of the system's certificates and certifi's; None for those.
    Raises OSError if the bundle cannot be read or holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is None:
        context.load_default_certs()
        context.load_verify_locations(certifi.where())
    else:
        context.load_verify_locations(ca_file)
    return context


def secure(connected: socket.socket, context: ssl.SSLContext, host: str) -> ssl.SSLSocket:
    """Make the handshake.

    Raises TlsError if the handshake fails.
    """
    secured = context.wrap_socket(connected, server_hostname=host, do_handshake_on_connect=False)
    try:
        secured.do_handshake()
    except OSError as error:
        secured.close()
        raise TlsError(kind_of(error)) from error
    except BaseException:  # the time limit, or the end of the user
        secured.close()
        raise
    return secured


def kind_of(error: OSError) -> str:
    """What a failure of TLS is counted as: one of a few kinds, whatever its text."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _BY_VERIFY_CODE.get(error.verify_code, INVALID)
    if not isinstance(error, ssl.SSLError) or isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return BROKEN_OFF
    return REJECTED if "ALERT" in (error.reason or "") else PROTOCOL
