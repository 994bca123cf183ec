"""A folder of flows that people edit while others talk."""

import asyncio
import os
from pathlib import Path

import pytest

from dialogs.check import check
from dialogs.errors import FlowError
from dialogs.library import Change, Library, UnknownFlow, read_flow
from tests.unit.dialogs.samples import FRONT_DESK

CLOCK = iter(range(1, 1000))


def write(file: Path, text: str) -> None:
    file.write_text(text)
    os.utime(file, (0, next(CLOCK)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "desk.yaml", FRONT_DESK)
    write(tmp_path / "desk.test.yaml", "conversations: []")
    write(tmp_path / "notes.txt", "not a flow")
    return tmp_path


def test_flows_are_found_by_name(folder: Path) -> None:
    library = Library(folder)
    assert list(library.flows) == ["front-desk"]
    assert library.get("front-desk").initial_state == "ask"
    with pytest.raises(UnknownFlow, match="did you mean 'front-desk'"):
        library.get("front-dsk")


def test_an_edit_is_seen_and_a_conversation_keeps_what_it_began_with(folder: Path) -> None:
    library = Library(folder)
    before = library.get("front-desk")
    assert library.refresh() == []
    write(folder / "desk.yaml", FRONT_DESK.replace('"1.0"', '"2.0"'))
    assert [change.kind for change in library.refresh()] == ["loaded"]
    assert library.get("front-desk").version == "2.0"
    assert before.version == "1.0"


def test_a_broken_edit_keeps_what_was_there_and_is_told(folder: Path) -> None:
    told: list[Change] = []
    library = Library(folder, report=told.append)
    write(folder / "desk.yaml", FRONT_DESK.replace("target: booking", "target: bokking"))
    library.refresh()
    assert (told[-1].kind, told[-1].file, told[-1].flow) == ("broken", "desk.yaml", "front-desk")
    assert "did you mean 'booking'" in str(told[-1].problems[0])
    assert library.get("front-desk").version == "1.0"
    assert library.refresh() == []
    write(folder / "desk.yaml", FRONT_DESK)
    assert library.refresh()[0].kind == "loaded"


def test_one_bad_file_does_not_keep_others_out(folder: Path) -> None:
    write(folder / "bad.yaml", "states: [")
    assert list(Library(folder).flows) == ["front-desk"]


def test_a_file_that_is_gone_is_no_flow_any_more(folder: Path) -> None:
    library = Library(folder)
    (folder / "desk.yaml").unlink()
    assert [(change.kind, change.flow) for change in library.refresh()] == [
        ("removed", "front-desk")
    ]
    assert library.flows == {}


def test_a_name_belongs_to_one_file(folder: Path) -> None:
    library = Library(folder)
    write(folder / "again.yaml", FRONT_DESK)
    change = library.refresh()[0]
    assert change.kind == "broken"
    assert "the name 'front-desk' is taken by desk.yaml" in str(change.problems[0])
    assert library.get("front-desk").file == "desk.yaml"


def test_a_folder_may_come_later(tmp_path: Path) -> None:
    library = Library(tmp_path / "flows")
    assert library.flows == {}
    (tmp_path / "flows").mkdir()
    write(tmp_path / "flows" / "desk.yml", FRONT_DESK)
    library.refresh()
    assert list(library.flows) == ["front-desk"]


async def test_changes_are_looked_for_now_and_then(folder: Path) -> None:
    told: list[Change] = []
    changed = asyncio.Event()

    def report(change: Change) -> None:
        told.append(change)
        if len(told) == 2:
            changed.set()

    library = Library(folder, report=report)
    watching = asyncio.create_task(library.watch(every=1.0))
    write(folder / "desk.yaml", FRONT_DESK.replace('"1.0"', '"2.0"'))
    await changed.wait()
    watching.cancel()
    assert library.get("front-desk").version == "2.0"


@pytest.mark.parametrize(("content", "problem"), [(None, "No such file"), (b"\xff", "not UTF-8")])
def test_a_file_that_cannot_be_read_is_a_problem(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    if content is not None:
        (tmp_path / "x.yaml").write_bytes(content)
    with pytest.raises(FlowError, match=problem):
        read_flow(tmp_path / "x.yaml")


def test_a_check_says_all_about_files_and_folders(folder: Path) -> None:
    write(folder / "bad.yaml", "initial_state: x")
    write(folder / "zzz.yaml", FRONT_DESK)
    bad, good, taken = check([folder])
    assert (bad.ok, good.ok, taken.ok) == (False, True, False)
    assert (good.flow, good.states, good.problems) == ("front-desk", 4, ())
    assert good.mermaid.startswith("stateDiagram")
    assert good.svg.startswith("<svg")
    assert "is taken by" in str(taken.problems[0])
    assert not check([folder / "nowhere.yaml"])[0].ok
