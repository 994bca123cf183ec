"""Flows that several tests use."""

from pathlib import Path

FRONT_DESK = (Path(__file__).parents[2] / "wire" / "front-desk.yaml").read_text()
"""The predecessor's own example."""

HOOK = "{type: call_hook, params: {url: 'https://x', auth_type: bearer, auth_secret: s3cret}}"
