"""
Sound over WebRTC: receiving many speakers cheaply, speaking, and forwarding.

`Media` is what a process shares, `Peer` one connection; samples leave as blocks.
"""

from __future__ import annotations

from transcriber.rtc.ice import IceServer, relay_credentials
from transcriber.rtc.media import Media
from transcriber.rtc.path import NoKeys, NoRelay, NoRoute, Unreachable
from transcriber.rtc.peer import Ears, Peer
from transcriber.rtc.receiver import Statistics
from transcriber.rtc.sender import Clip, Sender

__all__ = [
    "Clip",
    "Ears",
    "IceServer",
    "Media",
    "NoKeys",
    "NoRelay",
    "NoRoute",
    "Peer",
    "Sender",
    "Statistics",
    "Unreachable",
    "relay_credentials",
]
