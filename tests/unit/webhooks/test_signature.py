"""Our signatures against the reference implementation of the specification."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

import webhooks
from webhooks.errors import Unverified
from webhooks.signature import TOLERANCE, new_secret, sign, verify

NOW = 1_750_000_000.0
BODY = '{"type":"speech.final","data":{"text":"Grüße"}}'.encode()
KEY = new_secret()


def check(headers: dict[str, str], *keys: str, body: bytes = BODY, now: float = NOW) -> str:
    return verify(headers, body, *keys, now=lambda: now)


def test_the_reference_implementation_accepts_ours() -> None:
    headers = sign("evt_1", BODY, KEY, now=time.time())  # its clock cannot be set
    assert Webhook(KEY).verify(BODY, headers)["type"] == "speech.final"


def test_we_accept_the_reference_implementations() -> None:
    from datetime import UTC, datetime

    moment = datetime.fromtimestamp(int(NOW), UTC)
    signature = Webhook(KEY).sign("evt_1", moment, BODY.decode())
    headers = {
        "webhook-id": "evt_1",
        "webhook-timestamp": str(int(NOW)),
        "webhook-signature": signature,
    }
    assert check(headers, KEY) == "evt_1"


@pytest.mark.parametrize("at_receiver", ["old", "new"])
def test_both_secrets_work_while_rotating(at_receiver: str) -> None:
    keys = {"old": new_secret(), "new": new_secret()}
    now = time.time()
    headers = sign("evt_1", BODY, keys["new"], keys["old"], now=now)
    assert check(headers, keys[at_receiver], now=now) == "evt_1"
    assert Webhook(keys[at_receiver]).verify(BODY, headers)


def test_a_receiver_may_know_both_secrets() -> None:
    assert check(sign("evt_1", BODY, KEY, now=NOW), new_secret(), KEY) == "evt_1"


def test_the_plain_signature_is_a_hash_of_the_body_with_the_newest_secret() -> None:
    headers = sign("evt_1", BODY, KEY, new_secret(), now=NOW)
    plain = hmac.new(KEY.encode(), BODY, hashlib.sha256).hexdigest()
    assert headers["X-Transcriber-Signature-256"] == f"sha256={plain}"


def test_names_of_headers_may_come_in_any_case() -> None:
    headers = {name.title(): value for name, value in sign("evt_1", BODY, KEY, now=NOW).items()}
    assert check(headers, KEY) == "evt_1"


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "evt_2"},
        {"webhook-timestamp": str(int(NOW) - 1)},
        {"webhook-timestamp": "yesterday"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,Grüße"},
    ],
)
def test_a_changed_header_is_noticed(change: dict[str, str]) -> None:
    with pytest.raises(Unverified):
        check(sign("evt_1", BODY, KEY, now=NOW) | change, KEY)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_noticed(name: str) -> None:
    headers = sign("evt_1", BODY, KEY, now=NOW)
    del headers[name]
    with pytest.raises(Unverified, match="missing"):
        check(headers, KEY)


@pytest.mark.parametrize("late", [TOLERANCE + 2, -TOLERANCE - 2])
def test_an_old_request_cannot_be_played_again(late: float) -> None:
    with pytest.raises(Unverified, match="too old"):
        check(sign("evt_1", BODY, KEY, now=NOW), KEY, now=NOW + late)


@given(st.binary(min_size=1))
def test_another_body_is_noticed(body: bytes) -> None:
    with pytest.raises(Unverified):
        check(sign("evt_1", BODY, KEY, now=NOW), KEY, body=BODY + body)


@pytest.mark.parametrize(
    "secret", ["whsec_not base64!", "whsec_" + base64.b64encode(b"short").decode()]
)
def test_a_malformed_secret_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="must"):
        sign("evt_1", BODY, secret, now=NOW)


def test_receivers_find_it_at_the_front_door() -> None:
    assert webhooks.verify is verify
