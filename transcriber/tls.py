"""
Whom we believe when we connect somewhere: the authorities that the system knows.

Hosts of one's own may have an authority of their own. It counts for those hosts alone, so whoever
holds its key can pretend to be nobody else; and of them nobody else is believed. One context serves
all clients of the process: which authority counts it decides when it learns whom to connect to.
"""

from __future__ import annotations

import ssl
from functools import cache
from pathlib import Path

from pydantic import BaseModel, Field, field_validator

from transcriber.errors import Misconfigured

__all__ = ["TlsOptions", "Trust", "believe", "trust"]

SETTING = "TLS_AUTHORITIES"


class TlsOptions(BaseModel):
    """Who signs for hosts of one's own."""

    authorities: str = Field(
        "",
        alias=SETTING,
        description="authorities that sign for hosts of one's own, and for no others: files with"
        " certificates, such as `hpb.example.org=/etc/tls/hpb.pem, *.intern=/etc/tls/intern.pem`;"
        " `*` adds one to those that the system knows",
    )

    @field_validator("authorities")
    @classmethod
    def _paired(cls, value: str) -> str:
        _pairs(value)
        return value

    @property
    def files(self) -> dict[str, Path]:
        """The files, by whom they are about."""
        return _pairs(self.authorities)


class Trust(ssl.SSLContext):
    """A context for clients, which believes of some hosts only their own authority."""

    def __init__(self, *_: object) -> None:
        self._own: dict[str, ssl.SSLContext] = {}
        self.load_default_certs()

    def add(self, host: str, file: Path) -> None:
        """Believe an authority of a host, of those below `*.`, or of all for `*`."""
        try:
            if host == "*":
                self.load_verify_locations(file)
            else:
                self._own[host.lower()] = ssl.create_default_context(cafile=file)
        except (OSError, ssl.SSLError) as error:
            problem = f"{file} has no certificates that can be read"
            raise Misconfigured(SETTING, problem, remedy="name a PEM file") from error

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Begin a connection, with what is believed of this host."""
        host = server_hostname or ""
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        own = self._of(name.lower())
        begin = own.wrap_bio if own else super().wrap_bio
        return begin(incoming, outgoing, server_side, server_hostname, session)

    def _of(self, host: str) -> ssl.SSLContext | None:
        below = (f"*{host[at:]}" for at, sign in enumerate(host) if sign == ".")
        return next((self._own[name] for name in (host, *below) if name in self._own), None)


@cache
def trust() -> Trust:
    """Return what this process believes."""
    return Trust(ssl.PROTOCOL_TLS_CLIENT)


def believe(options: TlsOptions) -> None:
    """Believe what the settings say, from now on; raises `Misconfigured`."""
    for host, file in options.files.items():
        trust().add(host, file)


def _pairs(value: str) -> dict[str, Path]:
    pairs = [one.partition("=") for one in value.split(",") if one.strip()]
    if any(not (host.strip() and file.strip()) for host, _, file in pairs):
        raise ValueError("is no list of host=file")
    return {host.strip(): Path(file.strip()) for host, _, file in pairs}
