"""Who we say we are."""

import hashlib
import hmac

from hpb.auth import Internal, Ticket, Token, sign


def test_a_bot_signs_a_random_text_with_the_secret() -> None:
    params = Internal("https://cloud.example", "secret").greeting()["auth"]["params"]
    expected = hmac.new(b"secret", params["random"].encode(), hashlib.sha256).hexdigest()
    assert params["token"] == expected == sign("secret", params["random"])
    assert params["backend"] == "https://cloud.example"


def test_the_random_text_is_long_enough_and_new_each_time() -> None:
    bot = Internal("https://cloud.example", "secret")
    randoms = {bot.greeting()["auth"]["params"]["random"] for _ in range(10)}
    assert len(randoms) == 10
    assert min(map(len, randoms)) >= 32


def test_a_user_shows_a_ticket_and_where_to_check_it() -> None:
    greeting = Ticket("https://cloud.example/", "t").greeting()
    url = "https://cloud.example/ocs/v2.php/apps/spreed/api/v3/signaling/backend"
    assert greeting == {"version": "1.0", "auth": {"url": url, "params": {"ticket": "t"}}}


def test_a_user_shows_a_token_in_the_second_version() -> None:
    greeting = Token("https://cloud.example", "jwt").greeting()
    assert greeting["version"] == "2.0"
    assert greeting["auth"]["params"] == {"token": "jwt"}


def test_secrets_are_not_printed() -> None:
    shown = repr(
        [Internal("b", "hush", nonce=lambda: "n"), Ticket("b", "hush"), Token("b", "hush")]
    )
    assert "hush" not in shown
