"""What we recorded of Go's templates is still what Go makes of them."""

import asyncio
import json
from pathlib import Path

from tests.peers import require

PROGRAM = Path(__file__).with_name("gotemplate") / "main.go"
RECORDED = Path(__file__).parents[1] / "wire" / "gotemplate.jsonl"


async def test_go_still_says_what_was_recorded(tmp_path: Path) -> None:
    shared, *cases = map(json.loads, RECORDED.read_text().splitlines())
    asked = json.dumps([shared | case for case in cases])
    go = await asyncio.create_subprocess_exec(
        require("go"), "run", str(PROGRAM), env={"GOCACHE": str(tmp_path), "PATH": "/usr/bin:/bin"},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(120):
        answer, _ = await go.communicate(asked.encode())
    for case, said in zip(cases, json.loads(answer), strict=True):
        assert said["text"] == case.get("text", ""), case["template"]
        assert bool(said["error"]) == ("error" in case), case["template"]
