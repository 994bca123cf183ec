"""What the tunnel's program is told."""

import tomllib
from pathlib import Path

from transcriber.connectors.nextcloud.tunnel import Harp, configuration

HARP = Harp("harp", 8782, 'k"e\\y', "live_transcription", 23000, "/tmp/exapp.sock")


def test_it_is_what_appapi_expects() -> None:
    assert tomllib.loads(configuration(HARP, None)) == {
        "serverAddr": "harp",
        "serverPort": 8782,
        "loginFailExit": False,
        "transport": {"tls": {"enable": False}},
        "metadatas": {"token": 'k"e\\y'},
        "proxies": [
            {
                "name": "live_transcription",
                "type": "tcp",
                "remotePort": 23000,
                "plugin": {"type": "unix_domain_socket", "unixPath": "/tmp/exapp.sock"},
            }
        ],
    }


def test_it_is_encrypted_where_there_are_certificates() -> None:
    told = tomllib.loads(configuration(HARP, Path("/certs/frp")))
    assert told["transport"]["tls"] == {
        "enable": True,
        "certFile": "/certs/frp/client.crt",
        "keyFile": "/certs/frp/client.key",
        "trustedCaFile": "/certs/frp/ca.crt",
        "serverName": "harp.nc",
    }


def test_the_key_is_shown_to_nobody() -> None:
    assert 'k"e' not in repr(HARP)
