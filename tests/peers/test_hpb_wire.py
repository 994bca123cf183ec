"""What a well-behaved server does not do: the WebSocket against one made for the test."""

import asyncio
import datetime
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import WSMsgType, web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from hpb import InCall, Lost
from hpb.client import Client
from hpb.wire import MAX_MESSAGE_BYTES, Wire, dialer
from tests.peers import until
from tests.peers.talk.process import LOOPBACK
from tests.peers.talk.watch import Watched
from tests.unit.hpb.server import Server, signaling

Talk = Callable[[web.WebSocketResponse], Awaitable[None]]


@asynccontextmanager
async def serve(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Run a server that talks to each client like this."""

    async def accept(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False, max_msg_size=0)
        await socket.prepare(request)
        await talk(socket)
        return socket

    app = web.Application()
    app.router.add_get("/spreed", accept)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOOPBACK, 0, ssl_context=tls).start()
        yield f"{'https' if tls else 'http'}://{LOOPBACK}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def wire(talk: Talk) -> AsyncIterator[Wire]:
    async with serve(talk) as url, dialer(url)() as found:
        yield found


async def answer(socket: web.WebSocketResponse, server: Server | None = None) -> None:
    """Be a signaling server."""
    server = server or Server()
    async for message in socket:
        for text in server.answers([message.data]):
            await socket.send_str(text)


async def test_a_ping_is_answered_and_counts_as_a_sign_of_life() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.ping(b"there?")
        pong = await socket.receive()
        assert (pong.type, pong.data) == (WSMsgType.PONG, b"there?")
        await socket.send_str("yes")

    async with wire(talk) as found:
        assert await found.receive() == b""
        assert await found.receive() == "yes"


async def test_our_ping_brings_a_sign_of_life() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        ping = await socket.receive()
        assert ping.type is WSMsgType.PING
        await socket.pong(ping.data)
        await socket.receive()

    async with wire(talk) as found:
        await found.ping()
        assert await found.receive() == b""


async def test_binary_messages_say_nothing() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_bytes(b"\x00")

    async with wire(talk) as found:
        assert await found.receive() == b""


async def test_the_end_says_how_it_came() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.close(code=1009)

    async with wire(talk) as found:
        with pytest.raises(Lost, match="1009"):
            await found.receive()


async def test_what_is_endless_is_not_read() -> None:
    async def talk(socket: web.WebSocketResponse) -> None:
        await socket.send_str(" " * (MAX_MESSAGE_BYTES + 1))

    async with wire(talk) as found:
        with pytest.raises(Lost, match="unreadable"):
            await found.receive()


async def test_an_address_without_a_server_is_lost() -> None:
    async with serve(answer) as url:
        with pytest.raises(Lost, match="404"):
            await dialer(f"{url}/elsewhere")().__aenter__()
    with pytest.raises(Lost):
        await dialer(url)().__aenter__()


async def test_lists_of_ten_million_bytes_are_read() -> None:
    user = {"sessionId": "s" * 90, "nextcloudSessionId": "n" * 255, "inCall": 3, "lastPing": 1}
    users = [user | {"sessionId": f"{number:090}"} for number in range(24_000)]
    update = {"roomid": "r", "users": users}
    event = {"target": "participants", "type": "update", "update": update}
    text = json.dumps({"type": "event", "event": event})
    assert len(text) > 10_000_000

    async def talk(socket: web.WebSocketResponse) -> None:
        server = Server()
        asked = asyncio.create_task(answer(socket, server))
        await until(lambda: "room" in server.types())
        await socket.send_str(text)
        await asked

    async with serve(talk) as url, Client(url, signaling()) as hpb:
        watched = Watched(hpb)
        await watched.joined()
        found = await watched.until(InCall)
        assert len(found.participants) == 24_000


async def test_a_certificate_nobody_vouches_for_is_taken_only_when_told_so(
    tmp_path: Path,
) -> None:
    async with serve(answer, _tls(tmp_path)) as url:
        async with Client(url, signaling(), tls=False) as hpb:
            await Watched(hpb).joined()
        with pytest.raises(Lost, match="certificate"):
            await dialer(url)().__aenter__()


def _tls(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hpb.example")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
