"""Which signed claims count."""

from __future__ import annotations

import json
import time
from typing import Any

import jwt
import pytest
from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_encode

from tests.fakes.oidc import AUDIENCE, Signer, claims
from transcriber.web.auth import Caller
from transcriber.web.oidc.claims import Rules, key_id, usable

ISSUER = "https://id.example.org"
RULES = Rules(ISSUER, AUDIENCE, admins=frozenset({"bosses"}))
SIGNER = Signer("k1")
KEY = usable([SIGNER.published])["k1"]


def shown(rules: Rules = RULES, **wanted: Any) -> Caller | None:
    return rules.caller(SIGNER.sign(claims(ISSUER, **wanted)), KEY)


def test_who_is_signed_for_is_known_by_what_the_provider_calls_them() -> None:
    assert shown() == Caller("oidc/u1", "u1", frozenset())
    ann = shown(preferred_username="ann", email="ann@example.org")
    assert ann
    assert (ann.id, ann.name) == ("oidc/u1", "ann")


@pytest.mark.parametrize(
    ("said", "scopes"),
    [
        ("openid transcriber:rooms:read", {"rooms:read"}),
        (["transcriber:rooms:read", "transcriber:events:read"], {"rooms:read", "events:read"}),
        ("transcriber:admin", {"admin"}),
        ("bosses", {"admin"}),
        ("admin rooms:read transcriber:everything", set()),
        ("", set()),
        (7, set()),
        ([7, {}], set()),
        (None, set()),
    ],
)
def test_only_words_meant_for_us_allow_something(said: object, scopes: set[str]) -> None:
    caller = shown(scope=said)
    assert caller
    assert caller.scopes == scopes


@pytest.mark.parametrize("path", ["realm_access.roles", "https://id.example.org/roles"])
def test_the_words_may_be_in_any_claim(path: str) -> None:
    rules = Rules(ISSUER, AUDIENCE, path, frozenset({"bosses"}))
    known = {"realm_access": {"roles": ["bosses"]}, "https://id.example.org/roles": ["bosses"]}
    caller = shown(rules, **known)
    assert caller
    assert caller.may("admin")
    stranger = shown(rules, realm_access="bosses")
    assert stranger
    assert not stranger.may("rooms:read")


NOW, LATER = time.time(), time.time() + 86_400
WRONG: list[dict[str, Any]] = [
    {"exp": NOW - 60},
    {"exp": None},
    {"exp": "soon"},
    {"iat": LATER},
    {"iat": None},
    {"nbf": LATER},
    {"aud": "somebody else"},
    {"aud": ["somebody else"]},
    {"aud": None},
    {"iss": f"{ISSUER}/"},
    {"iss": None},
    {"sub": None},
    {"sub": ""},
    {"sub": 7},
    {"sub": "x" * 256},
]


@pytest.mark.parametrize("wrong", WRONG, ids="-".join)
def test_a_claim_that_is_wrong_makes_the_token_worth_nothing(wrong: dict[str, Any]) -> None:
    assert shown(**wrong) is None


def test_clocks_may_differ_a_little() -> None:
    assert shown(exp=time.time() - 5, iat=time.time() - 300)
    assert shown(nbf=time.time() + 10)


def test_a_token_that_somebody_changed_or_signed_themselves_is_worth_nothing() -> None:
    good = SIGNER.sign(claims(ISSUER))
    head, body, signature = good.split(".")
    other = base64url_encode(json.dumps(claims(ISSUER, sub="root")).encode()).decode()
    forged = [
        f"{head}.{other}.{signature}",
        f"{head}.{body}.{signature[::-1]}",
        f"{head}.{body}.",
        Signer("k1").sign(claims(ISSUER)),
        Signer("k1", "EdDSA").sign(claims(ISSUER)),
    ]
    assert [RULES.caller(token, KEY) for token in forged] == [None] * len(forged)


def test_no_signature_and_one_with_a_shared_secret_count_for_nothing() -> None:
    header = {"kid": "k1"}
    nothing = jwt.encode(claims(ISSUER), "", algorithm="none", headers=header)
    public = json.dumps(SIGNER.published).encode()
    part = base64url_encode(json.dumps({"alg": "HS256"} | header).encode())
    signed = part + b"." + base64url_encode(json.dumps(claims(ISSUER)).encode())
    secret = HMACAlgorithm(HMACAlgorithm.SHA256).sign(signed, public)
    confused = (signed + b"." + base64url_encode(secret)).decode()
    for token in (nothing, confused):
        assert key_id(token) is None
        assert RULES.caller(token, KEY) is None


@pytest.mark.parametrize("text", ["", "x", "a.b.c", "tok_1", "é.é.é", "." * 5000])
def test_what_is_no_such_token_names_no_key(text: str) -> None:
    assert key_id(text) is None


def test_a_token_names_its_key() -> None:
    assert key_id(SIGNER.sign(claims(ISSUER))) == "k1"


def test_only_keys_that_can_sign_and_have_a_name_are_used() -> None:
    ours = SIGNER.published
    nameless = {name: value for name, value in ours.items() if name != "kid"}
    shared = {"kty": "oct", "k": "c2VjcmV0", "kid": "k2"}
    strange: list[dict[str, Any]] = [{"kty": "future", "kid": "k3"}, {}, {"kty": "EC", "kid": "k4"}]
    others = [nameless, shared, ours | {"kid": "k5", "use": "enc"}, *strange]
    assert list(usable([*others, ours])) == ["k1"]


@pytest.mark.parametrize(("said", "counts"), [("n1", True), ("n2", False), (None, False)])
def test_a_token_of_a_sign_in_belongs_to_that_one_alone(said: str | None, counts: bool) -> None:
    token = SIGNER.sign(claims(ISSUER, nonce=said))
    assert (RULES.caller(token, KEY, nonce="n1") is not None) is counts
