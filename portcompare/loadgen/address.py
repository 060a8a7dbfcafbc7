"""Where requests go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where to connect to, and what to call it in the Host header.

    Attributes:
        secure: True for TLS.
        host: Name or address, an IPv6 one without its brackets.
        port: The port.
        netloc: What the Host header says.
    """

    secure: bool
    host: str
    port: int
    netloc: str

    @classmethod
    def of(cls, url: str) -> Address:
        """The address in a URL.

        Args:
            url: Scheme, host and, if it is not the scheme's own, port; a path is ignored.

        Returns:
            The address.

        Raises:
            ValueError: If it is no such URL.
        """
        refused = f"{url!r} is not the address of a server"
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise ValueError(f"{refused}: {error}") from error
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
            raise ValueError(f"{refused}: it must begin with http:// or https:// and name a host")
        if parts.username is not None:
            # Not shown as it is: it may hold a password.
            raise ValueError(
                f"the address of {parts.hostname} names a user: send an Authorization header instead"
            )
        return cls(
            secure=parts.scheme == "https",
            host=parts.hostname,
            port=port or _DEFAULT_PORTS[parts.scheme],
            netloc=parts.netloc,
        )
