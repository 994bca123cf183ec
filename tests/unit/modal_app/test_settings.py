from __future__ import annotations

from pathlib import Path

from modal_app.auth import Access
from modal_app.settings import Deployment, access, deployment


def test_secrets_come_from_the_environment_or_from_files(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("from file\n")
    environ = {"STT_TOKEN": "t", "STT_KEY": "k", "STT_SECRET_FILE": str(path), "STT_SECRET": "no"}

    assert access(environ) == Access(token="t", key="k", secret="from file")
    assert access({}) == Access()


def test_a_deployment_reads_back_what_it_wrote_for_the_container() -> None:
    wanted = Deployment(gpu="H200", slots=512, region="eu", snapshot=True, price_per_hour=4.54)

    assert deployment(wanted.environ()) == wanted


def test_what_is_not_set_has_its_default() -> None:
    assert deployment({"STT_SLOTS": "8", "STT_SNAPSHOT": "0"}) == Deployment(slots=8)
