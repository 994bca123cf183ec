"""
The configuration files of Janus and of the signaling server.

Janus gets one transport and one plugin. It never offers loopback addresses for media, so tests with
audio give it an address of a network namespace of their own.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from tests.peers.talk.process import LOOPBACK

__all__ = ["write_janus", "write_server"]

PLUGINS = "audiobridge duktape echotest lua nosip recordplay sip streaming textroom videocall"
TRANSPORTS = "http mqtt nanomsg pfunix rabbitmq"

JANUS = """
general: {{
    configs_folder = "{folder}"
    plugins_folder = "{library}/plugins"
    transports_folder = "{library}/transports"
    events_folder = "{library}/events"
    loggers_folder = "{library}/loggers"
    debug_level = 4
    debug_timestamps = true
    session_timeout = 60
}}
media: {{ ipv6 = false, rtp_port_range = "20000-40000" }}
nat: {{ full_trickle = true, ignore_mdns = true, ice_enforce_list = "{address}" }}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
events: {{ broadcast = false }}
"""

TRANSPORT = """
general: {{ json = "compact", ws = true, ws_port = {port}, ws_ip = "{host}", wss = false }}
admin: {{ admin_ws = false, admin_wss = false }}
"""

SERVER = """
[http]
listen = {listen}
[app]
debug = false
[sessions]
hashkey = {hash_key}
blockkey = {block_key}
[clients]
internalsecret = {internal_secret}
[backend]
backends = nextcloud
allowall = false
timeout = 30
connectionsperhost = 32
[nextcloud]
url = {nextcloud}
secret = {secret}
[nats]
url = nats://loopback
[mcu]
type = janus
url = {janus}
timeout = {mcu_timeout}
"""


def write_janus(folder: Path, *, port: int, address: str, more: str = "") -> None:
    """Write the three files that Janus reads; `more` sections go into the first."""
    folder.mkdir()
    library = next(Path("/usr/lib").glob("*/janus"))
    general = JANUS.format(
        folder=folder,
        library=library,
        address=address,
        plugins=_libraries(PLUGINS),
        transports=_libraries(TRANSPORTS),
    )
    (folder / "janus.jcfg").write_text(general + more)
    transport = TRANSPORT.format(port=port, host=LOOPBACK)
    (folder / "janus.transport.websockets.jcfg").write_text(transport)
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: { }\n")


def write_server(file: Path, **values: str | int) -> None:
    """Write the one file that the signaling server reads; its keys are made here."""
    keys = {"hash_key": secrets.token_hex(32), "block_key": secrets.token_hex(16)}
    file.write_text(SERVER.format(**keys, **values))


def _libraries(names: str) -> str:
    return ",".join(f"libjanus_{name}.so" for name in names.split())
