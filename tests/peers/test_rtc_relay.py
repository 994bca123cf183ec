"""Through a relay, for those who cannot reach each other: UDP, TCP, TLS, and keys that expire."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiortc import RTCIceGatherer

from tests.peers import require
from tests.peers.rtc import Heard, network, tone, until
from tests.ports import free_port
from transcriber.rtc import Ears, IceServer, Media, Peer, Unreachable, relay_credentials
from transcriber.rtc.path import help_found

SECRET = "a secret that the relay shares with us"


def _listens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 1).close()
    except OSError:
        return False
    return True


@contextlib.asynccontextmanager
async def relay(address: str, certificate: Path | None = None) -> AsyncIterator[int]:
    """Run coturn; yields its port, which also takes TLS if there is a certificate."""
    program = require("turnserver")
    tls = [f"--cert={certificate}", f"--pkey={certificate}"] if certificate else ["--no-tls"]
    port = free_port(address)
    process = await asyncio.create_subprocess_exec(
        program, "-n", "--log-file=/dev/null", f"--listening-ip={address}",
        f"--relay-ip={address}", f"--listening-port={port}", "--use-auth-secret",
        f"--static-auth-secret={SECRET}", "--realm=test", *tls, "--no-dtls", "--no-cli",
        "--allow-loopback-peers", "--pidfile=/dev/null",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await until(lambda: _listens(address, port), "relay")
        yield port
    finally:
        process.terminate()
        await process.wait()


def only_relayed(answer: str) -> str:
    """Leave out the addresses that could be reached without the server."""
    return "\r\n".join(line for line in answer.splitlines() if "typ host" not in line) + "\r\n"


@contextlib.contextmanager
def silent(address: str, kind: socket.SocketKind) -> Iterator[int]:
    """Be a server that takes everything and answers nothing; yields its port."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((address, 0))
        if kind is socket.SOCK_STREAM:
            sock.listen()
        yield sock.getsockname()[1]


def certified(address: str, folder: Path) -> Path:
    """Make a certificate of an address, with its key, that certifies itself."""
    file = folder / "relay.pem"
    subprocess.run(
        [
            require("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
            "-subj", "/CN=relay", "-addext", f"subjectAltName=IP:{address}",
            "-keyout", file, "-out", folder / "shown.pem",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    file.write_text(file.read_text() + (folder / "shown.pem").read_text())
    return file


@pytest.mark.parametrize("how", ["turn:{}?transport=udp", "turn:{}?transport=tcp", "turns:{}"])
async def test_sound_goes_both_ways_through_a_relay(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = [Heard(), Heard()]
    with network() as address:
        certificate = certified(address, tmp_path) if how.startswith("turns") else None
        if certificate:
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with relay(address, certificate) as port:

            def servers() -> list[IceServer]:
                name, word = relay_credentials(SECRET, user="bot", now=time.time(), lifetime=60)
                return [IceServer((how.format(f"{address}:{port}"),), name, word)]

            async with Media(ice_servers=servers) as near, Media() as far:
                a = Peer(near, ears=Ears(on_block=heard[0]), mouth=True)
                b = Peer(far, ears=Ears(on_block=heard[1]), mouth=True)
                offer = only_relayed(await a.offer())
                assert "typ relay" in offer
                answer = await b.answer(offer)
                await a.accept(answer)
                for protocol in a.path.connection._protocols:
                    if protocol.local_candidate.type == "host":
                        protocol.transport.close()
                await asyncio.gather(a.connect(), b.connect())
                for peer in (a, b):
                    assert peer.sender is not None
                    peer.sender.play(tone(2.0, 700))
                await until(lambda: min(ear.seconds for ear in heard) >= 1.6, "sound")
                assert [round(ear.frequency() / 10) for ear in heard] == [70, 70]
                await asyncio.gather(a.close(), b.close())


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_closing_ends_although_the_relay_is_gone(
    transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("transcriber.rtc.path.CLOSING", 0.3)
    name, word = relay_credentials(SECRET, user="bot", now=time.time(), lifetime=60)
    servers: list[IceServer] = []
    with network() as address:
        async with Media(ice_servers=lambda: servers) as near, Media() as far:
            b = Peer(far, ears=Ears())
            async with relay(address) as port:
                url = f"turn:{address}:{port}?transport={transport}"
                servers.append(IceServer((url,), name, word))
                a = Peer(near, mouth=True)
                await a.accept(await b.answer(only_relayed(await a.offer())))
                await asyncio.gather(a.connect(), b.connect())
            async with asyncio.timeout(10):
                await asyncio.gather(a.close(), b.close())


async def test_our_address_as_a_server_sees_it_is_a_way_to_us() -> None:
    heard = Heard()
    with network() as address:
        async with relay(address) as port:
            stun = IceServer((f"stun:{address}:{port}",))
            async with Media(ice_servers=lambda: [stun]) as near, Media() as far:
                a, b = Peer(near, mouth=True), Peer(far, ears=Ears(on_block=heard))
                offer = only_relayed(await a.offer())
                assert "typ srflx" in offer
                await a.accept(await b.answer(offer))
                await asyncio.gather(a.connect(), b.connect())
                assert a.sender is not None
                a.sender.play(tone(0.5))
                await until(lambda: heard.seconds >= 0.4, "sound")
                await asyncio.gather(a.close(), b.close())


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("stun:{}", socket.SOCK_DGRAM),
        ("turn:{}?transport=udp", socket.SOCK_DGRAM),
        ("turn:{}?transport=tcp", socket.SOCK_STREAM),
    ],
)
async def test_gathering_ends_in_time_although_a_server_is_silent(
    url: str, kind: socket.SocketKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    with network() as address, silent(address, kind) as port:
        server = IceServer((url.format(f"{address}:{port}"),), "name", "word")
        async with Media(ice_servers=lambda: [server]) as media:
            first, second = Peer(media, mouth=True), Peer(media, mouth=True)
            monkeypatch.setattr("transcriber.rtc.ice.ASKING", 0.1)
            assert "typ host" in await first.offer()
            monkeypatch.setattr("transcriber.rtc.ice.ASKING", 60)
            monkeypatch.setattr("transcriber.rtc.path.GATHERING", 0.1)
            with pytest.raises(Unreachable, match="do not answer"):
                await second.offer()
            async with asyncio.timeout(10):
                await asyncio.gather(first.close(), second.close())


async def test_a_relay_is_found_to_help_and_one_that_is_away_not() -> None:
    with network() as address:
        async with relay(address) as port:
            name, word = relay_credentials(SECRET, user="bot", now=time.time(), lifetime=60)
            turn = IceServer((f"turn:{address}:{port}",), name, word)
            assert await help_found([turn]) >= {"relay"}
            assert await help_found([IceServer((f"stun:{address}:{port}",))]) >= {"srflx"}
            wrong = IceServer(turn.urls, name, "not the word")
            assert "relay" not in await help_found([wrong])


async def test_expired_credentials_give_no_relay() -> None:
    with network() as address:
        async with relay(address) as port:
            name, word = relay_credentials(SECRET, user="bot", now=time.time() - 120, lifetime=60)
            server = IceServer((f"turn:{address}:{port}",), name, word)
            async with Media(ice_servers=lambda: [server]) as media:
                peer = Peer(media, mouth=True)
                assert "typ relay" not in await peer.offer()
                await peer.close()


def test_without_servers_none_is_asked() -> None:
    assert RTCIceGatherer([])._connection.stun_server is None
