"""Who answers late is still there; who does not answer is gone after half a minute."""

from __future__ import annotations

import asyncio
from unittest.mock import AsyncMock, Mock

import pytest
from aioice import stun
from aioice.ice import StunProtocol

from transcriber.rtc.ice import Connection

THERE = ("192.0.2.1", 5_000)


def connected(delay: float) -> Connection:
    """Return a connection to somebody who answers so many seconds late."""
    connection = Connection(ice_controlling=True)
    connection.remote_password = "s3cret"
    protocol = StunProtocol(connection)

    def send(data: bytes, address: tuple[str, int]) -> None:
        asked = stun.parse_message(data)
        answer = stun.Message(
            stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=asked.transaction_id
        )
        answer.add_message_integrity(b"s3cret")
        asyncio.get_running_loop().call_later(
            delay, protocol.datagram_received, bytes(answer), address
        )

    protocol.connection_made(Mock(asyncio.DatagramTransport, sendto=send))
    connection._nominated[1] = Mock(protocol=protocol, remote_addr=THERE)
    question = stun.Method.BINDING, stun.Class.REQUEST
    connection.build_request = Mock(side_effect=lambda *_, **__: stun.Message(*question))  # type: ignore[method-assign]
    connection.close = AsyncMock()  # type: ignore[method-assign]
    return connection


@pytest.mark.parametrize(("delay", "there"), [(0.1, True), (2.5, True), (60.0, False)])
async def test_whoever_answers_is_there_however_late(delay: float, there: bool) -> None:
    connection = connected(delay)
    asking = asyncio.create_task(connection.query_consent())
    await asyncio.sleep(25)
    assert not asking.done()
    await asyncio.sleep(300 if there else 20)
    assert asking.done() is not there
    asking.cancel()
    await asyncio.wait([asking])
