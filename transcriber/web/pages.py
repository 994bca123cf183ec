"""
The pages that people open in a browser.

A page is plain files: no build step, nothing from elsewhere. They are read once, at the start, so
no request ever reaches the file system and no path can lead out of the folder. Everything but the
page itself lies under an address that contains the digest of all files: browsers may keep it for
ever, and a new version is seen at once. The policy in the headers lets a page run its own modules
alone, and talk to nobody but us.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

from transcriber.web.problems import ProblemError
from transcriber.web.routes import PUBLIC, Handler, Route

__all__ = ["Site", "routes"]

HERE = Path(__file__).parent
FOLDERS = ("page", "console", "docs")
"""Beside this module, one for each page; modules of one may import those of another."""
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
"""What is served; other files of the folders are not."""
PLACE = "assets/version/"
"""
What pages write where the address of the current files will stand; the console's is relative, for
it may stand behind a proxy that puts something before all addresses.
"""
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
PAGE_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": (
        "camera=(self), microphone=(self), display-capture=(self), speaker-selection=(self), "
        "geolocation=(), payment=(), usb=()"
    ),
    "Cache-Control": "no-cache",
}
KEPT = "public, max-age=31536000, immutable"
PAGE = "text/html"
SMALL = 500
"""Bytes below which packing saves nothing."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is sent."""

    type: str
    body: bytes
    packed: bytes
    """The same, compressed; empty where that saves nothing."""


class Site:
    """All pages, in memory."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        files = {name: path.read_bytes() for name, path in _files(folders)}
        names = "".join(f"{name}\0" for name in files).encode()
        self.version = hashlib.sha256(names + b"\0".join(files.values())).hexdigest()[:16]
        self._assets = {name: self._asset(name, body) for name, body in files.items()}

    def page(self, name: str) -> Handler:
        """Make what answers with a page; `KeyError` if there is none of this name."""
        asset, tag = self._assets[name], self.version

        async def show(request: web.Request) -> web.StreamResponse:
            seen = request.if_none_match or ()
            if any(one.value in {tag, "*"} for one in seen):
                response: web.Response = web.Response(status=304)
            else:
                response = _response(request, asset)
            response.etag = tag
            response.headers.update(PAGE_HEADERS)
            return response

        return show

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """Answer with a file that a page needs."""
        version, name = request.match_info["version"], request.match_info["name"]
        asset = self._assets.get(name)
        if asset is None or version != self.version:
            raise ProblemError(404, "not-found", "there is no such file; load the page again")
        response = _response(request, asset)
        response.headers["Cache-Control"] = KEPT
        return response

    def _asset(self, name: str, body: bytes) -> Asset:
        kind = Path(name).suffix
        if kind == ".html":
            body = body.replace(PLACE.encode(), f"assets/{self.version}/".encode())
        packed = gzip.compress(body, mtime=0) if len(body) >= SMALL else b""
        return Asset(TYPES[kind], body, packed)


def routes(site: Site | None = None) -> list[Route]:
    """The pages and what they consist of."""
    site = site or Site({name: HERE / name for name in FOLDERS})
    room, console, docs = (site.page(f"{name}/index.html") for name in FOLDERS)
    return [
        Route("GET", "/", room, PUBLIC, "A page to open a room", answers=PAGE),
        Route("GET", "/rooms/{room_id}", room, PUBLIC, "The page of a room", answers=PAGE),
        Route("GET", "/console", console, PUBLIC, "For administrators", answers=PAGE),
        Route("GET", "/docs", docs, PUBLIC, "The API, described", answers=PAGE),
        Route("GET", "/assets/{version}/{name:.+}", site.asset, PUBLIC, "Files", answers=PAGE),
    ]


def _files(folders: Mapping[str, Path]) -> Iterator[tuple[str, Path]]:
    for name, folder in folders.items():
        for path in sorted(folder.rglob("*")):
            if path.suffix in TYPES:
                yield f"{name}/{path.relative_to(folder).as_posix()}", path


def _response(request: web.Request, asset: Asset) -> web.Response:
    packed = asset.packed and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, "")
    response = web.Response(body=asset.packed if packed else asset.body)
    response.headers["Content-Type"] = f"{asset.type}; charset=utf-8"
    response.headers["Vary"] = "Accept-Encoding"
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    return response
