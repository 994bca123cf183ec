"""
A flow as a picture: in mermaid's language for documents, as SVG for the console.

The SVG is drawn without a layout engine: states stand in columns by how many steps they are from
the beginning, ways are curves with their event beside them. That reads well up to some thirty
states, and flows are smaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from dialogs.analysis import Way, ways
from dialogs.flow import Flow

__all__ = ["mermaid", "svg"]

LABEL = 48
"""Characters of a way's label; conditions can be long."""
NARROW, SHOWN = 24, 3
"""Characters of a line in the picture, and lines beside one curve; pointing at it shows all."""
WIDTH, HEIGHT, GAP_X, GAP_Y, EDGE = 150, 44, 250, 46, 24
"""Pixels of a state, between states, and around all."""
WAY = 'class="way" fill="none" stroke="#7a869a" stroke-width="1.4"'
LABEL_LOOK = (
    'class="label" font-size="10" fill="#5a6576" stroke="#fff" stroke-width="3" '
    'paint-order="stroke"'
)
STATE_LOOK = {
    "state": 'fill="#eef3fb" stroke="#3d6fb6" stroke-width="1.4"',
    "state first": 'fill="#eef3fb" stroke="#3d6fb6" stroke-width="3"',
    "state last": 'fill="#f3f3f3" stroke="#7a869a" stroke-width="1.4"',
    "state first last": 'fill="#f3f3f3" stroke="#7a869a" stroke-width="3"',
}
"""How things look, as attributes: every style sheet prevails over them, none has to be allowed."""


def mermaid(flow: Flow) -> str:
    """Draw a state diagram in mermaid's language."""
    ids = {name: f"s{number}" for number, name in enumerate(flow.states)}
    lines = ["stateDiagram-v2"]
    lines += [f'  state "{_safe(name)}" as {ids[name]}' for name in flow.states]
    lines.append(f"  [*] --> {ids[flow.initial_state]}")
    lines += [f"  {ids[w.source]} --> {ids[w.target]}: {_safe(_label(w))}" for w in ways(flow)]
    lines += [f"  {ids[state.name]} --> [*]" for state in flow.states.values() if state.terminal]
    return "\n".join(lines) + "\n"


def svg(flow: Flow) -> str:
    """Draw an SVG picture; it holds text only, no script and no links."""
    places = _places(flow)
    width = max(x for x, _ in places.values()) + WIDTH + GAP_X // 2 + EDGE
    height = max(y for _, y in places.values()) + HEIGHT + EDGE + GAP_Y
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="system-ui,sans-serif" font-size="12" fill="#1d2430">',
        f"<title>{escape(flow.name)}</title>",
        '<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#7a869a"/></marker></defs>',
        *(
            _curve(places[source], places[target], labels, number)
            for number, ((source, target), labels) in enumerate(_bundles(flow).items())
        ),
        *(_box(flow, name, place) for name, place in places.items()),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _places(flow: Flow) -> Mapping[str, tuple[int, int]]:
    """Say where each state stands; what is never reached comes last."""
    columns: list[list[str]] = [[flow.initial_state]]
    left = [name for name in flow.states if name != flow.initial_state]
    every = list(ways(flow))
    while left:
        after = {way.target for way in every if way.source in columns[-1]}
        columns.append([name for name in left if name in after] or list(left))
        left = [name for name in left if name not in columns[-1]]
    return {
        name: (EDGE + column * (WIDTH + GAP_X), EDGE + GAP_Y + row * (HEIGHT + GAP_Y))
        for column, names in enumerate(columns)
        for row, name in enumerate(names)
    }


def _box(flow: Flow, name: str, place: tuple[int, int]) -> str:
    x, y = place
    kind = "state" + (" first" if name == flow.initial_state else "")
    kind += " last" if flow.states[name].terminal else ""
    shown = _cut(name, NARROW)
    return (
        f"<g><title>{escape(name)}</title>"
        f'<rect class="{kind}" {STATE_LOOK[kind]} x="{x}" y="{y}" rx="8" '
        f'width="{WIDTH}" height="{HEIGHT}"/><text x="{x + WIDTH // 2}" y="{y + HEIGHT // 2 + 4}" '
        f'text-anchor="middle">{escape(shown)}</text></g>'
    )


def _bundles(flow: Flow) -> Mapping[tuple[str, str], list[str]]:
    """Gather the labels of all ways between the same two states: one curve is enough for them."""
    bundles: dict[tuple[str, str], list[str]] = {}
    for way in ways(flow):
        bundles.setdefault((way.source, way.target), []).append(_label(way))
    return bundles


def _curve(start: tuple[int, int], end: tuple[int, int], labels: Sequence[str], number: int) -> str:
    """Draw a way: to the right as a swing, back as a bow above, within a column beside it."""
    (x1, y1), (x2, y2) = start, end
    middle1, middle2 = y1 + HEIGHT // 2, y2 + HEIGHT // 2
    anchor = "start" if x1 == x2 else "middle"
    if x2 > x1:
        bend = (x2 - x1 - WIDTH) // 2
        path = f"M{x1 + WIDTH} {middle1}C{x1 + WIDTH + bend} {middle1} {x2 - bend} {middle2} "
        path += f"{x2} {middle2}"
        place = (x2 - bend * 2 // 3, middle2 - 6 + (middle1 - middle2) // 5)
    elif x2 == x1:
        out = x1 + WIDTH + 26 + 12 * (number % 4)
        path = f"M{x1 + WIDTH} {middle1 - 8}C{out} {middle1 - 8} {out} {middle2 + 8} "
        path += f"{x2 + WIDTH} {middle2 + 8}"
        place = (out + 8, (middle1 + middle2) // 2)
    else:
        over = min(y1, y2) - 30 - 9 * (number % 3)
        path = f"M{x1 + WIDTH // 2} {y1}C{x1 + WIDTH // 2} {over} {x2 + WIDTH // 2} {over} "
        path += f"{x2 + WIDTH // 2} {y2}"
        place = ((x1 + x2 + WIDTH) // 2, over + 10)
    lines = [_cut(label, NARROW) for label in labels[:SHOWN]]
    lines += [f"and {len(labels) - SHOWN} more"] if len(labels) > SHOWN else []
    text = "".join(
        f'<tspan x="{place[0]}" dy="{11 if row else -11 * (len(lines) - 1)}">{escape(line)}</tspan>'
        for row, line in enumerate(lines)
    )
    return (
        f"<g><title>{escape(chr(10).join(labels))}</title>"
        f'<path {WAY} d="{path}" marker-end="url(#to)"/>'
        f'<text {LABEL_LOOK} text-anchor="{anchor}" x="{place[0]}" y="{place[1]}">'
        f"{text}</text></g>"
    )


def _label(way: Way) -> str:
    condition = " ".join(way.condition.replace("{{", " ").replace("}}", " ").split())
    text = f"{way.event} [{condition}]" if condition else way.event
    return _cut(text, LABEL)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _safe(text: str) -> str:
    """Write what mermaid would take for its own as entities."""
    return "".join(
        letter if letter.isalnum() or letter in " _-.,()[]=" else f"#{ord(letter)};"
        for letter in text
    )
