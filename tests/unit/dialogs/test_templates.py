"""Two languages, one judgement, no way out."""

import sys
import time
from typing import Any

import pytest

from dialogs.errors import TemplateError
from dialogs.gofunctions import Rune, Strings
from dialogs.templates import Context, compile_template

VARIABLES = {"name": "Ann", "n": "3", "flag": "false", "empty": ""}
RESULT = {"count": 0, "list": ["a", "b"], "deep": {"x": {"y": 1}}, "text": "hi", "ok": True}


def context(event: Any = None) -> Context:
    shown = {"type": "speech", "text": "hello", "digit": ""}
    session = {"id": "s1", "state": "ask"}
    go = {"Variables": Strings(VARIABLES), "Event": event, "Result": RESULT, "Session": {}}
    jinja = {"variables": VARIABLES, "event": shown, "result": RESULT, "session": session}
    return Context(jinja=jinja, go=go)


def render(source: str, event: Any = None) -> str:
    return compile_template(source).render(context(event))


@pytest.mark.parametrize(
    ("source", "language"),
    [
        ("just text", "plain"),
        ("a { b } %", "plain"),
        ("{{ .Variables.name }}", "go"),
        ('{{ "literal" }}', "go"),
        ("{{ not true }}", "go"),
        ("{{ variables.name }}", "jinja"),
        ("{% if variables.name %}x{% endif %}", "jinja"),
        ("{# note #}x", "jinja"),
    ],
)
def test_each_text_has_its_language(source: str, language: str) -> None:
    assert compile_template(source).language == language


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("Hello {{ .Variables.name }}", "Hello Ann"),
        ("Hello {{ variables.name }}", "Hello Ann"),
        ('{{ printf "%c" .Event }}', "1"),
        ("{{ .Result.missing }}", "<no value>"),
        ("{{ result.missing }}", ""),
        ("no holes\n", "no holes\n"),
    ],
)
def test_holes_are_filled(source: str, text: str) -> None:
    assert render(source, Rune(49)) == text


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("", False),
        (" false ", False),
        ("<no value>", False),
        ("0", True),
        ("False", True),
        ("nil", True),
        ("anything", True),
        ("{{ .Variables.missing }}", False),
        ('{{ index .Variables "missing" }}', False),
        ("{{ false }}", False),
        ('{{ eq .Variables.name "Ann" }}', True),
        ("{{ .Result.count }}", True),
        ("{{ result.count }}", False),
        ("{{ variables.flag }}", False),
        ("{{ variables.n }}", True),
        ("{{ result.list }}", True),
        ("{{ result.missing }}", False),
        ("{{ variables.name == 'Bob' }}", False),
        ("{% if result.ok %}true{% else %}false{% endif %}", True),
        ("x{{ result.count }}", True),
    ],
)
def test_a_condition_is_judged(condition: str, holds: bool) -> None:
    assert compile_template(condition).holds(context()) is holds


def test_the_message_is_about_the_language_it_looks_like() -> None:
    with pytest.raises(TemplateError, match="did you mean 'Variables'"):
        compile_template("{{ .Variable.x }}")
    with pytest.raises(TemplateError, match="did you mean 'variables'"):
        compile_template("{{ variable.x }}")


def test_many_brackets_side_by_side_are_no_depth() -> None:
    assert render("(x) " * 500 + "{{ variables.n }}").endswith("3")


def test_a_template_has_a_length() -> None:
    with pytest.raises(TemplateError, match="longer than"):
        compile_template("x" * 20_000)


ESCAPES = """
{{ ''.__class__ }}
{{ ''.__class__.__mro__[1].__subclasses__() }}
{{ ''.__class__.__base__.__subclasses__()[40]('/etc/passwd').read() }}
{{ [].__class__.__base__ }}
{{ {}.__class__.__bases__[0] }}
{{ ().__class__.__bases__[0].__subclasses__() }}
{{ ''['__class__'] }}
{{ ''['__cla' ~ 'ss__'] }}
{{ variables['__class__'] }}
{{ variables['__cla' + 'ss__'] }}
{{ variables['__init__']['__globals__'] }}
{{ variables.__init__.__globals__ }}
{{ variables|attr('__class__') }}
{{ ''|attr('__class__')|attr('__mro__') }}
{{ ''|attr('\\x5f\\x5fclass\\x5f\\x5f') }}
{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}
{{ ''|attr(['__','class','__']|join) }}
{{ ''[['__','class','__']|join] }}
{{ variables[['__','class','__']|join] }}
{{ variables['%c%c'|format(95,95) ~ 'class__'] }}
{{ variables|attr(variables.x) }}
{{ self }}
{{ self.__init__ }}
{{ self._TemplateReference__context.cycler.__init__.__globals__.os.popen('id').read() }}
{{ self._TemplateReference__context }}
{{ cycler.__init__.__globals__.os.popen('id').read() }}
{{ cycler('a') }}
{{ joiner.__init__.__globals__.os }}
{{ namespace.__init__.__globals__.os }}
{{ namespace(a=1) }}
{{ lipsum() }}
{{ lipsum.__globals__['os'].popen('id').read() }}
{{ lipsum.__globals__.__builtins__ }}
{{ lipsum|attr('__globals__') }}
{{ dict(a=1) }}
{{ dict.__base__.__subclasses__() }}
{{ url_for.__globals__ }}
{{ get_flashed_messages.__globals__ }}
{{ config }}
{{ config.items() }}
{{ config.__class__.__init__.__globals__['os'].popen('ls').read() }}
{{ request.application.__globals__.__builtins__.__import__('os') }}
{{ request|attr('application') }}
{{ request['application']['\\x5f\\x5fglobals\\x5f\\x5f'] }}
{{ g.pop.__globals__.__builtins__ }}
{{ session.__class__ }}
{{ session['__class__'] }}
{{ session|attr('__class__') }}
{{ event.__class__ }}
{{ event.text.__class__ }}
{{ event.text.format }}
{{ '{0.__class__}'.format(variables) }}
{{ '{0.__class__.__init__.__globals__}'.format(event) }}
{{ '{x.__class__}'.format_map({'x': 1}) }}
{{ ('{0.__class__}'|string).format(1) }}
{{ '%s'|format(1) }}
{{ '%s' % variables }}
{{ '%(a)s' % {'a': 1} }}
{{ 'x'.upper() }}
{{ 'x'.join(['a']) }}
{{ 'x'.encode() }}
{{ 'x'.translate({}) }}
{{ variables.items() }}
{{ variables.keys() }}
{{ variables.update({'a': 'b'}) }}
{{ variables.pop('name') }}
{{ variables.clear() }}
{{ variables.get('name') }}
{{ variables.copy.__self__ }}
{{ result.list.append('x') }}
{{ result.list.pop() }}
{{ result.list.sort() }}
{{ result.list.__class__ }}
{{ result.list.append.__self__ }}
{{ result.deep.x.y.__class__ }}
{{ (1).__class__ }}
{{ 1.0.__class__ }}
{{ true.__class__ }}
{{ none.__class__ }}
{{ (range(1)).__class__ }}
{{ range.__class__ }}
{{ range.mro() }}
{{ loop }}
{{ caller() }}
{{ varargs }}
{{ kwargs }}
{{ super() }}
{{ _ }}
{{ __import__('os') }}
{{ open('/etc/passwd').read() }}
{{ eval('1') }}
{{ exec('1') }}
{{ getattr(variables, 'x') }}
{{ vars() }}
{{ globals() }}
{{ debug }}
{{ result|map(attribute='__class__')|list }}
{{ [variables]|map('attr','__class__')|list }}
{{ [variables]|selectattr('__class__') }}
{{ [variables]|groupby('__class__') }}
{{ [variables]|sort(attribute='__class__') }}
{{ [variables]|sum(attribute='__class__') }}
{{ [variables]|join(attribute='__class__') }}
{{ variables|xmlattr }}
{{ variables|pprint }}
{{ variables|dictsort }}
{{ ''|safe }}
{{ 'a'|forceescape }}
{{ 'x'|indent(1000000000) }}
{% import 'os' as os %}
{% from 'os' import popen %}
{% include '/etc/passwd' %}
{% extends '/etc/passwd' %}
{% block x %}{% endblock %}
{% macro x() %}{% endmacro %}
{% call x() %}{% endcall %}
{% filter upper %}x{% endfilter %}
{% set variables.x = 1 %}
{% set ns = namespace() %}
{% set _x = 1 %}
{% set x %}y{% endset %}
{% with x = ''.__class__ %}{{ x }}{% endwith %}
{% autoescape false %}{% endautoescape %}
{% do variables.clear() %}
{% debug %}
{% trans %}x{% endtrans %}
{% for x in ''.__class__.__mro__ %}{% endfor %}
{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}
{% for _x in [1] %}{% endfor %}
{% for x in [1] %}{{ loop.__class__ }}{% endfor %}
{% for x in [1] %}{{ loop.cycle('a') }}{% endfor %}
{% if ''.__class__ %}x{% endif %}
{% print(''.__class__) %}
{{ .Session.SetVariable "a" "b" }}
{{ .Session.__class__ }}
{{ .__class__ }}
{{ $.__class__ }}
{{ call .Session.Delete }}
{{ template "x" . }}
{{ define "x" }}{{ end }}
{{ js.__class__ }}
{{ index .Variables.__class__ "x" }}
""".strip().splitlines()

BOMBS = [
    "{{ 'x' * 1000000000 }}",
    "{{ [1] * 1000000000 }}",
    "{{ [0] + [0] }}",
    "{{ 9 ** 9 ** 9 }}",
    "{{ 2 ** 100000000 }}",
    "{{ " + " * ".join(["9999999999"] * 500) + " }}",
    "{{ " + "9" * 10_000 + " }}",
    "{{ 1e308 * 10 | int }}" + "{{ ('9' ~ '9' * 3) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%1000000000d' is divisibleby 1 }}",
    "{{ '%1000000000d' is even }}",
    "{{ '%1000000000d' is odd }}",
    "{{ 'x'|center(1000000000) }}",
    "{{ 'x'|ljust(1000000000) }}",
    "{{ 'x'|truncate(10, end='x' * 100000000) }}",
    "{{ 'x'|replace('', 'y' ~ 'z' * 100000) }}",
    "{{ range(1000000000)|list }}",
    "{{ range(0, 10000000000, 1)|sum }}",
    "{{ range() }}",
    "{{ range(1, 2, 0) }}",
    "{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}",
    "{% for a in range(1000) %}" * 3 + "x" + "{% endfor %}" * 3,
    "{% set x = 'x' %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}",
    "{% set x = [1, 1] %}" + "{% set x = [x, x] %}" * 40 + "{{ x }}",
    "{% set x = 10 %}" + "{% set x = x * x %}" * 30 + "{{ x }}",
    "{% set x = 'x' %}" + "{% set x = x + x %}" * 40,
    "{% set x = 'ab' %}" + "{% set x = x|replace('a', x) %}" * 40,
    "{% set x = 'ab' %}" + "{% set x = [x, x]|join(x) %}" * 40,
    "{% for a in range(1000) %}{{ '" + "x" * 100 + "' }}{% endfor %}",
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "[" * 5000 + "]" * 5000 + " }}",
    "{{ " + "not " * 3000 + "1 }}",
    "{{ " + "-" * 5000 + "1 }}",
    "{{ " + "1 if " * 50 + "1" + " else 1" * 50 + " }}",
    "{% if 1 %}" * 700 + "{% endif %}" * 700,
    "{{ variables" + ".a" * 5000 + " }}",
    "{{ variables" + "|upper" * 1000 + " }}",
    "{{ " + " ~ ".join(["'" + "x" * 100 + "'"] * 1000) + " }}",
    "{{ " * 5000,
    "{% raw %}" * 1000,
    "{{ '" + "x" * 20_000 + "' }}",
    '{{ printf "%1000000000d" 1 }}',
    '{{ printf "%.1000000000f" 1.0 }}',
    "{{ range .Result.list }}" * 100 + "{{ end }}" * 100,
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " | print }}",
    "{{ $x := `xxxxxxxxxx` }}" + "{{ $x := print $x $x }}" * 40,
    "{{ if true }}" * 1000 + "{{ end }}" * 1000,
]  # fmt: skip


AT_ONCE = 0.4 if sys.gettrace() else 0.1
"""Seconds of a processor until one is refused; the clock would tell how busy the machine is, and
while it is written down which lines are run, everything takes three times as long."""
TRIES = 3
"""The processor may be slow for a moment, or have garbage to collect first."""


def work_to_refuse(payload: str) -> float:
    """Seconds of a processor until it is refused."""
    began = time.thread_time()
    with pytest.raises(TemplateError):
        render(payload)
    return time.thread_time() - began


@pytest.mark.parametrize("payload", ESCAPES + BOMBS, ids=range(len(ESCAPES + BOMBS)))
def test_an_escape_or_a_bomb_is_refused_at_once(payload: str) -> None:
    before = dict(VARIABLES), str(RESULT)
    assert any(work_to_refuse(payload) < AT_ONCE for _ in range(TRIES))
    assert (dict(VARIABLES), str(RESULT)) == before


def test_there_are_more_than_a_hundred_of_them() -> None:
    assert len(set(ESCAPES)) > 100
    assert len(BOMBS) > 40
