"""
The private names that we rely on, in the versions that are pinned.

When one of these fails after an upgrade, read what the new version does before changing the pin.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aioice
import aioice.ice
import aiortc
import av
import pylibsrtp
import pytest
from aioice.turn import TurnClientMixin, TurnTransport
from aiortc import RTCCertificate, RTCDtlsTransport
from pylibsrtp import _binding

from tests.load.loopback import only_loopback
from transcriber.rtc import opus
from transcriber.rtc.ice import Connection

TOUCHED = {
    "_TurnTransport__close_task", "_binding", "_connection", "_nominated", "_protocols",
    "_query_consent_task", "_remove_reader", "_rx_srtp", "_set_role", "_sock", "_srtp", "_task",
    "_tx_srtp",
}  # fmt: skip
"""Private names of others that the media path uses; each is asked for below."""


USES = r"(?<!\bself)(?<!\bcls)\.(_[A-Za-z]\w*)|getattr\(.+, '(_[A-Za-z]\w*)'"
"""A private name behind a dot, of anything but oneself, or asked for by its name."""


def test_every_private_name_that_we_use_is_known_here() -> None:
    modules = (path.read_text() for path in Path("transcriber/rtc").rglob("*.py"))
    used = {
        name
        for text in modules
        for found in re.findall(USES, ast.unparse(ast.parse(text)))
        for name in found
        if name
    }
    assert used - {"_replace"} == TOUCHED


@pytest.mark.parametrize(
    ("package", "pinned"), [("aiortc", "1.16."), ("aioice", "0.13."), ("pylibsrtp", "1.0.")]
)
def test_the_versions_are_those_that_were_read(package: str, pinned: str) -> None:
    assert version(package).startswith(pinned)


def test_pyav_is_one_that_was_read() -> None:
    assert version("av").startswith(("18.", "19."))
    assert '"av>=18,<20"' in Path("pyproject.toml").read_text()
    locked = re.findall(r"^av==(\S+)", Path("requirements.lock").read_text(), re.MULTILINE)
    assert [number[:5] for number in locked] == ["18.1.", "19.0."]


def test_pyav_brings_a_libopus_where_we_look_for_it() -> None:
    bundled = [place for place in opus.places() if place not in opus.NAMES]
    assert bundled
    opus.find(bundled)


def test_pyav_decodes_g722_as_we_ask() -> None:
    codec: Any = av.CodecContext.create("g722", "r")
    (frame,) = codec.decode(av.Packet(bytes(160)))
    assert (frame.format.name, frame.sample_rate) == ("s16", 16_000)
    assert frame.to_ndarray().shape == (1, 320)


def test_libsrtp_can_be_called_on_our_own_buffer() -> None:
    for name in ("srtp_protect", "srtp_unprotect", "srtp_unprotect_rtcp"):
        assert hasattr(_binding.lib, name), name
    assert hasattr(_binding.ffi, "from_buffer")
    assert hasattr(pylibsrtp.Session(), "_srtp")


async def test_aiortc_keeps_its_connection_and_keys_where_we_take_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aioice.ice, "get_host_addresses", aioice.ice.get_host_addresses)
    only_loopback()
    connection = aioice.Connection(ice_controlling=False)
    transport: Any = SimpleNamespace(_connection=connection)
    dtls = RTCDtlsTransport(transport, [RTCCertificate.generateCertificate()])
    assert dtls.transport is transport
    assert connection._nominated == {}
    assert connection._query_consent_task is None
    assert connection.ice_controlling is False
    await connection.gather_candidates()
    (protocol,) = connection._protocols
    assert vars(protocol.transport)["_sock"].fileno() >= 0
    assert hasattr(asyncio.get_running_loop(), "_remove_reader")
    for name in ("_rx_srtp", "_tx_srtp", "_task", "_role"):
        assert getattr(dtls, name, ...) is not ..., name
    for said in ("await self.transport._recv()", "self.transport._send("):
        assert said in inspect.getsource(RTCDtlsTransport), said
    dtls._set_role("server")
    assert dtls._role == "server"
    assert hasattr(type(protocol), "datagram_received")
    await connection.close()


def test_a_relay_that_is_left_can_be_left_at_once() -> None:
    assert "self.__close_task = asyncio.create_task(" in inspect.getsource(TurnTransport.close)
    assert "finally:" in inspect.getsource(TurnClientMixin.delete)


def test_servers_are_asked_as_aioice_asks_them() -> None:
    asks = inspect.getsource(aioice.Connection.get_component_candidates)
    assert "server_reflexive_candidate(protocol, self.stun_server)" in asks
    given = inspect.signature(aioice.ice.relayed_candidate).parameters
    assert all(f"{name}=" in asks for name in given)
    ours = inspect.getsource(Connection)
    assert all(f"{name}=" in ours for name in given)


def test_the_role_that_we_set_is_kept() -> None:
    assert 'self._role == "auto"' in inspect.getsource(RTCDtlsTransport.start)


def test_a_public_stun_server_is_only_a_default() -> None:
    assert "iceServers is None" in inspect.getsource(aiortc.RTCIceGatherer.__init__)
    assert aiortc.RTCIceServer("stun:192.0.2.1").urls == "stun:192.0.2.1"
