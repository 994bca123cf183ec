"""Whom our clients believe, against a server whose authority nobody else knows."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import httpx
import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from transcriber.errors import Misconfigured
from transcriber.tls import TlsOptions, Trust
from webhooks.guard import guarded_client, guarded_session

HERE = ["127.0.0.0/8", "::1/128"]
KEY = ec.generate_private_key(ec.SECP256R1())


class Authority:
    """Signs for whom it likes."""

    def __init__(self, folder: Path, name: str) -> None:
        self.file, self._folder = folder / f"{name}.pem", folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        own = self._sign(self._name, self._key.public_key(), authority=True)
        self.file.write_bytes(own.public_bytes(serialization.Encoding.PEM))

    def serving(self, host: str) -> ssl.SSLContext:
        """What a server needs that shows its certificate."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        shown = self._sign(subject, KEY.public_key(), host=host)
        file = self._folder / "server.pem"
        file.write_bytes(
            KEY.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + shown.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(file)
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *,
        host: str = "",
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        names = x509.SubjectAlternativeName([x509.DNSName(host or "authority.example")])
        return (
            x509.CertificateBuilder(self._name, subject, key, x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .sign(self._key, hashes.SHA256())
        )


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("theirs"), "theirs")


@pytest.fixture
async def url(ours: Authority) -> AsyncIterator[str]:
    """A server on this machine, whose certificate our authority has signed."""

    async def hello(request: web.Request) -> web.Response:
        return web.Response()

    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=ours.serving("localhost")).start()
    yield f"https://localhost:{runner.addresses[0][1]}/"
    await runner.cleanup()


async def by_aiohttp(url: str, trust: ssl.SSLContext) -> bool:
    try:
        async with aiohttp.ClientSession() as http, http.get(url, ssl=trust) as answer:
            return answer.status == 200
    except aiohttp.ClientConnectorCertificateError:
        return False


async def by_worker(url: str, trust: ssl.SSLContext) -> bool:
    try:
        async with guarded_session(allowed=HERE, tls=trust) as http, http.get(url) as answer:
            return answer.status == 200
    except aiohttp.ClientConnectorCertificateError:
        return False


async def by_httpx(url: str, trust: ssl.SSLContext | None) -> bool:
    try:
        async with guarded_client(allowed=HERE, tls=trust) as http:
            return (await http.get(url)).status_code == 200
    except httpx.ConnectError as error:
        if "CERTIFICATE_VERIFY_FAILED" not in str(error):
            raise
        return False


def trust(*pairs: tuple[str, Authority]) -> Trust:
    made = Trust(ssl.PROTOCOL_TLS_CLIENT)
    for host, authority in pairs:
        made.add(host, authority.file)
    return made


@pytest.mark.parametrize("ask", [by_aiohttp, by_worker, by_httpx])
async def test_an_authority_counts_for_its_hosts_alone(
    ask: Callable[[str, ssl.SSLContext], Awaitable[bool]],
    url: str,
    ours: Authority,
    theirs: Authority,
) -> None:
    assert not await ask(url, trust())
    assert await ask(url, trust(("localhost", ours)))
    assert await ask(url, trust(("*", ours)))
    assert not await ask(url, trust(("other.example", ours), ("*.localhost", ours)))
    assert not await ask(url, trust(("*", ours), ("localhost", theirs)))


async def test_what_the_system_is_told_counts_for_those_whom_users_name(
    url: str, ours: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not await by_httpx(url, None)
    monkeypatch.setenv("SSL_CERT_FILE", str(ours.file))
    assert await by_httpx(url, None)


def test_the_nearest_name_decides(ours: Authority, theirs: Authority) -> None:
    known = trust(("*.intern", ours), ("*.lab.intern", theirs), ("a.lab.intern", ours))
    own, other = known._own["*.intern"], known._own["*.lab.intern"]
    assert known._of("x.intern") is known._of("y.x.intern") is own
    assert known._of("x.lab.intern") is other
    assert known._of("a.lab.intern") is known._own["a.lab.intern"]
    assert known._of("intern") is known._of("x.extern") is None


def test_what_is_no_list_of_authorities_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="host=file"):
        TlsOptions.model_validate({"TLS_AUTHORITIES": "hpb.example.org"})
    files = TlsOptions.model_validate({"TLS_AUTHORITIES": "a=/x.pem, *.b=/y.pem,"}).files
    assert files == {"a": Path("/x.pem"), "*.b": Path("/y.pem")}
    (tmp_path / "empty.pem").write_text("nothing")
    for file in ("none.pem", "empty.pem"):
        with pytest.raises(Misconfigured, match="TLS_AUTHORITIES"):
            Trust(ssl.PROTOCOL_TLS_CLIENT).add("a", tmp_path / file)
