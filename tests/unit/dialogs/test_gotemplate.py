"""Go's templates, as Go itself runs them and within our limits."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialogs import gotemplate
from dialogs.errors import TemplateError
from dialogs.gofunctions import Rune
from tests.unit.dialogs.gocases import CASES, run, run_case


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(list(case.values())))
def test_a_template_gives_what_go_gives(case: dict[str, str]) -> None:
    if "text" in case:
        assert run_case(case) == case["text"]
    else:
        with pytest.raises(TemplateError):
            run_case(case)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ('{{ define "x" }}{{ end }}', "'define' cannot be used; write the text where it is needed"),
        ("{{ range .Result.x }}{{ break }}{{ end }}", "inside the loop"),
        ("{{ call .Result.x }}", "there are no functions to call"),
        ("{{ $x := 1 }}{{ $x = 2 }}", "a name of its own"),
        ("{{ .Varables.x }}", "did you mean 'Variables'"),
        ("{{ .Session.CurentState }}", "did you mean 'CurrentState'"),
        ("{{ .Event.text }}", "the event has no fields; write .Event"),
        ("{{ eqq 1 2 }}", "did you mean 'eq'"),
        ("{{ eq len 1 }}", "put it in brackets: \\(len ...\\)"),
        ("{{ $reslt }}", "there is no variable"),
        ("{{ . }}", "alone has no text"),
        ("{{ 1 | call }}", "there are no functions to call"),
        ("{{ 1e999 }}", "a number is too large"),
        ("{{ " + "(" * 50 + "1" + ")" * 50 + " }}", "too many levels"),
        ("{{ if 1 }}" * 40 + "{{ end }}" * 40, "too many levels"),
        ("{{ if 1 }}{{ else if 1 }}" + "{{ else if 1 }}" * 40 + "{{ end }}", "too many levels"),
        ('{{ printf "%200d" 1 }}', "at most 100 characters"),
        ('{{ gt .Result.n 2 }}', "write 2.0"),
        ('{{ eq .Event "1" }}', "a digit is a number"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_told_with_a_hint(source: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        run(source, Rune(49), n=3)


def test_the_line_of_the_mistake_is_told() -> None:
    with pytest.raises(TemplateError) as caught:
        gotemplate.read('one\n{{ "a" }}\n{{/* a\nb */}}{{ nope }}')
    assert caught.value.line == 4


def test_a_loop_in_a_loop_ends() -> None:
    loops = "{{ range $.Result.l }}" * 6 + "x" + "{{ end }}" * 6
    with pytest.raises(TemplateError, match="too long"):
        run(loops, l=list(range(100)))


def test_text_that_doubles_ends() -> None:
    doubling = "{{ $a := .Result.t }}" + "{{ $a := print $a $a }}" * 20
    with pytest.raises(TemplateError, match="too long"):
        run(doubling, t="x" * 1000)


@pytest.mark.parametrize(
    ("source", "go"),
    [
        ("{{ .Variables.a }}", True),
        ("{{if eq 1 2}}", True),
        ("{{ end }}", True),
        ("{{ $x }}", True),
        ('{{ eq variables.a "x" }}', True),
        ("{{ variables.a }}", False),
        ("{{ variables['a'].b }}", False),
        ("{{ 'see .Net' }}", False),
        ("{{ variables.len }}", False),
    ],
)
def test_go_is_told_from_jinja_by_its_looks(source: str, go: bool) -> None:
    assert gotemplate.looks_like_go(source) is go


WORDS = [
    "{{",
    "}}",
    "-}}",
    "{{-",
    " ",
    "(",
    ")",
    "|",
    ".",
    ".Event",
    "$x",
    ":=",
    "if",
    "end",
    "else",
]
WORDS += [
    "range",
    "with",
    "eq",
    "1",
    '"a"',
    ".Variables.n",
    "nil",
    "len",
    ",",
    "printf",
    "'c'",
    "/*",
]


@given(st.lists(st.sampled_from(WORDS), max_size=25))
def test_anything_is_read_or_refused(words: list[str]) -> None:
    with suppress(TemplateError):
        assert isinstance(run("{{" + " ".join(words)), str)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(TemplateError):
        assert isinstance(run(text), str)
