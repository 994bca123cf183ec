"""
Does anything that must not be read get through, and is anything hidden that must be read?

  python -m tests.load.redaction --sentences 1000 --json

Sentences with card numbers, IBANs and telephone numbers, written and spoken in many ways, are cut
after every character: each beginning is one partial, the whole is the final; then each is said in
two utterances, cut after every word. A leak is five characters in a row of the secret, and seven
where somebody pauses within it. Ordinary sentences with numbers must come out as they went in.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterable

from tests.fakes.sentences import Secret, ordinary, secret
from tests.load.report import Bar, finish, parser
from transcriber.captions.numbers import digits
from transcriber.captions.redaction import Redactor
from transcriber.captions.words import key, text_of, words_of
from transcriber.engines.stt.base import Partial, Word

LEAK = 5
"""Characters of a secret in a row that are too many."""
PAUSED = 7
"""The same for somebody who pauses within a number: six digits of a card may be printed."""


def words(text: str) -> tuple[Word, ...]:
    return words_of(Partial(text, 0.0, 1.0), "en")


def read(text: str) -> str:
    """All letters and digits of a text, spoken digits as digits."""
    spelled = (digits(key(word), "en") or word for word in text.split())
    return "".join(c for word in spelled for c in word.upper() if c.isalnum())


def leaks(found: Secret, shown: Iterable[str], *, size: int = LEAK) -> bool:
    """Whether any of the texts shows so much of the secret."""
    parts = {found.characters[at : at + size] for at in range(len(found.characters) - size + 1)}
    return any(part in read(text) for text in shown for part in parts)


def partials(found: Secret) -> list[str]:
    """What is shown of every beginning of the sentence, and of the whole."""
    redactor = Redactor()
    beginnings = (found.text[:size] for size in range(1, len(found.text) + 1))
    shown = [text_of(redactor.partial(words(text)), "en") for text in beginnings]
    return [*shown, text_of(redactor.final(words(found.text)), "en")]


def in_two(found: Secret) -> list[list[str]]:
    """What is shown when somebody pauses within the sentence, for each place of the pause."""
    said = found.text.split()
    results = []
    for size in range(1, len(said)):
        redactor = Redactor()
        halves = (" ".join(said[:size]), " ".join(said[size:]))
        results.append([text_of(redactor.final(words(half)), "en") for half in halves])
    return results


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--sentences", type=int, default=1_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--show", action="store_true", help="print what went wrong")
    args = options.parse_args()
    rng = random.Random(args.seed)
    secrets = [secret(rng) for _ in range(args.sentences)]
    everyday = [ordinary(rng) for _ in range(args.sentences)]
    began, made, leaked, hidden, split = time.process_time(), 0, [], [], []
    for found in secrets:
        shown = partials(found)
        made += len(shown)
        leaked += [(found, text) for text in shown if leaks(found, [text])][:1]
    cost = (time.process_time() - began) / made
    for found in secrets:
        split += [(found, shown) for shown in in_two(found) if leaks(found, shown, size=PAUSED)]
    for text in everyday:
        if (result := text_of(Redactor().final(words(text)), "en")) != text:
            hidden.append((text, result))
    if args.show:
        for problem in [*leaked, *hidden, *split]:
            print(problem)
    figures = {
        "partials": made,
        "leaks": len(leaked),
        "false_positives": len(hidden),
        "leaks_over_a_pause": len(split),
        "us_per_partial": cost * 1e6,
    }
    nothing = ("leaks", "false_positives", "leaks_over_a_pause")
    bars = [Bar(name, figures[name], "==", 0) for name in nothing]
    return finish("redaction", figures, bars, as_json=args.json)


if __name__ == "__main__":
    sys.exit(main())
