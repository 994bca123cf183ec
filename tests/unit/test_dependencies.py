"""What we build on: each file is known by its hash, and each licence goes with ours."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, distributions
from pathlib import Path

LOCK = Path("requirements.lock").read_text()
PIN = re.compile(r"^([A-Za-z0-9][\w.-]*)==\S+( ; [^\\]*)?( \\\n    --hash=sha256:\w{64})+", re.M)
FREE = {
    *("0BSD", "AGPL-3.0-or-later", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0"),
    *("CNRI-Python", "ISC", "LGPL-2.1-or-later", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "Zlib"),
    *("3-Clause BSD License", "Apache Software License", "BSD License", "MIT License"),
    *("Mozilla Public License 2.0 (MPL 2.0)", "Python Software Foundation License"),
    "Apache licensed, as found in the LICENSE file",
}
"""Licences of which all terms go together with ours."""


def licence(one: Distribution) -> set[str]:
    """The licences that a package names, by whichever way it does."""
    about = one.metadata
    for expression in about.get_all("License-Expression", []):
        return set(re.split(r" (?:AND|OR) ", expression))
    kinds = [kind for kind in about.get_all("Classifier", []) if kind.startswith("License ::")]
    return {kind.split(" :: ")[-1] for kind in kinds} or set(about.get_all("License", [""]))


def test_every_pin_has_hashes() -> None:
    pins = re.findall(r"^[A-Za-z0-9].*$", LOCK, re.MULTILINE)
    assert len(pins) == len(PIN.findall(LOCK)) > 50


def test_every_licence_goes_together_with_ours() -> None:
    strange = {one.name: terms for one in distributions() if (terms := licence(one) - FREE)}
    assert not strange
