"""
What Nextcloud's app store demands of a description, as far as apps outside of PHP go.

The store sorts the elements and leaves out what it does not know before it looks (routes, for
instance, are AppAPI's business); names in `rules` are paths below `info`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

__all__ = ["problems"]

LONG = 10**6
URL = r"https?://.+"
VERSION = r"\d+(\.\d+){0,2}"
CATEGORIES = (
    "customization|files|games|integration|monitoring|multimedia|office|organization|security|"
    "social|tools"
)
LANGUAGES = r"[a-z]{2,3}(-[a-z]{2,4})?"
FORBIDDEN = (
    "standalone", "default_enable", "shipped", "public", "remote", "requiremin", "requiremax",
)  # fmt: skip
"""Elements of former times; with them a description is refused."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How a text has to look, how long it may be, and how often it may be there."""

    looks: str = r"[\s\S]+"
    most: int = 256
    least: int = 1
    times: int = 1


MANY = 10**6
RULES = {
    "id": Rule(r"[a-z]+[a-z0-9_]*[a-z0-9]+"),
    "name": Rule(most=128, times=MANY),
    "summary": Rule(most=128, times=MANY),
    "description": Rule(most=LONG, times=MANY),
    "version": Rule(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?"),
    "licence": Rule("agpl|mpl|apache", times=MANY),
    "author": Rule(times=MANY),
    "namespace": Rule(least=0),
    "category": Rule(CATEGORIES, times=MANY),
    "website": Rule(URL, least=0),
    "discussion": Rule(URL, least=0),
    "bugs": Rule(URL),
    "repository": Rule(URL, least=0),
    "screenshot": Rule(r"https://.+", least=0, times=10),
    "documentation/user": Rule(URL, least=0),
    "documentation/admin": Rule(URL, least=0),
    "documentation/developer": Rule(URL, least=0),
    "dependencies/nextcloud": Rule(""),
    "external-app/docker-install/registry": Rule(r"\S+"),
    "external-app/docker-install/image": Rule(r"[a-z0-9._/-]+"),
    "external-app/docker-install/image-tag": Rule(r"[\w][\w.-]{0,127}"),
    "external-app/environment-variables": Rule(r"\s*", least=0),
}
VARIABLE = {
    "name": Rule(r"[A-Z][A-Z0-9_]*"),
    "display-name": Rule(),
    "description": Rule(most=LONG),
    "default": Rule(least=0),
}
UNIQUE = ("licence", "category", "external-app/environment-variables/variable/name")
TRANSLATED = ("name", "summary", "description")


def problems(info: Element) -> list[str]:
    """Say what the store would refuse; nothing, if it takes the description."""
    found = [*_texts(info, RULES), *_languages(info), *_versions(info)]
    for variable in info.iter("variable"):
        found += _texts(variable, VARIABLE)
    for path in UNIQUE:
        texts = [one.text for one in info.findall(path)]
        found += [f"{path}: {text} is there twice" for text in {*texts} if texts.count(text) > 1]
    return found + [f"{name} is not allowed any more" for name in FORBIDDEN if info.findall(name)]


def _texts(parent: Element, rules: dict[str, Rule]) -> Iterator[str]:
    for path, rule in rules.items():
        texts = [one.text or "" for one in parent.findall(path)]
        if not rule.least <= len(texts) <= rule.times:
            yield f"{path}: is there {len(texts)} times"
        for text in texts:
            if not re.fullmatch(rule.looks, text) or len(text) > rule.most:
                yield f"{path}: {text!r} does not look as it has to"


def _languages(info: Element) -> Iterator[str]:
    for path in TRANSLATED:
        codes = [one.get("lang", "en") for one in info.findall(path)]
        if "en" not in codes or len({*codes}) < len(codes):
            yield f"{path}: has to be there in English, and once in each language"
        yield from (
            f"{path}: {one} is no language" for one in codes if not re.fullmatch(LANGUAGES, one)
        )


def _versions(info: Element) -> Iterator[str]:
    for needs in info.findall("dependencies/nextcloud"):
        least, most = needs.get("min-version", ""), needs.get("max-version", "")
        if not re.fullmatch(VERSION, least) or not re.fullmatch(VERSION, most):
            yield "dependencies/nextcloud: names no versions"
        elif int(least.split(".")[0]) > int(most.split(".")[0]):
            yield "dependencies/nextcloud: no version is both"
