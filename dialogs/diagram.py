"""
A flow as a picture: in mermaid's language for documents, as SVG for the console.

The SVG is drawn without a layout engine: states stand in columns by how many steps they are from
the beginning, ways are curves with their event beside them. That reads well up to some thirty
states, and flows are smaller.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from dialogs.analysis import Way, ways
from dialogs.flow import Flow

__all__ = ["mermaid", "svg"]

LABEL = 48
"""Characters of a way's label; conditions can be long."""
WIDTH, HEIGHT, GAP_X, GAP_Y, EDGE = 150, 44, 170, 46, 24
"""Pixels of a state, between states, and around all."""
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1d2430}"
    ".way{fill:none;stroke:#7a869a;stroke-width:1.4}"
    ".label{font-size:10px;fill:#5a6576}"
    ".state{fill:#eef3fb;stroke:#3d6fb6;stroke-width:1.4}"
    ".first{stroke-width:3}.last{fill:#f3f3f3;stroke:#7a869a}"
)


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
    width = max(x for x, _ in places.values()) + WIDTH + EDGE
    height = max(y for _, y in places.values()) + HEIGHT + EDGE + GAP_Y
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        f"<title>{escape(flow.name)}</title><style>{STYLE}</style>",
        '<defs><marker id="to" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#7a869a"/></marker></defs>',
        *(_curve(way, places, number) for number, way in enumerate(ways(flow))),
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
    shown = name if len(name) <= LABEL // 2 else f"{name[: LABEL // 2 - 1]}…"
    return (
        f'<g><title>{escape(name)}</title><rect class="{kind}" x="{x}" y="{y}" rx="8" '
        f'width="{WIDTH}" height="{HEIGHT}"/><text x="{x + WIDTH // 2}" y="{y + HEIGHT // 2 + 4}" '
        f'text-anchor="middle">{escape(shown)}</text></g>'
    )


def _curve(way: Way, places: Mapping[str, tuple[int, int]], number: int) -> str:
    (x1, y1), (x2, y2) = places[way.source], places[way.target]
    if x2 > x1:
        start, end = (x1 + WIDTH, y1 + HEIGHT // 2), (x2, y2 + HEIGHT // 2)
        bend = (end[0] - start[0]) // 2
        path = f"M{start[0]} {start[1]}C{start[0] + bend} {start[1]} {end[0] - bend} {end[1]} "
        middle = (start[0] + bend, (start[1] + end[1]) // 2 - 4)
    else:
        start, end = (x1 + WIDTH // 2 + 12, y1), (x2 + WIDTH // 2 - 12, y2)
        over = min(y1, y2) - 26 - 6 * (number % 3)
        path = f"M{start[0]} {start[1]}C{start[0]} {over} {end[0]} {over} "
        middle = ((start[0] + end[0]) // 2, over + 8)
    label = escape(_label(way))
    return (
        f'<path class="way" d="{path}{end[0]} {end[1]}" marker-end="url(#to)"/>'
        f'<text class="label" text-anchor="middle" x="{middle[0]}" y="{middle[1]}">{label}</text>'
    )


def _label(way: Way) -> str:
    condition = " ".join(way.condition.replace("{{", " ").replace("}}", " ").split())
    text = f"{way.event} [{condition}]" if condition else way.event
    return text if len(text) <= LABEL else f"{text[: LABEL - 1]}…"


def _safe(text: str) -> str:
    """Write what mermaid would take for its own as entities."""
    return "".join(
        letter if letter.isalnum() or letter in " _-.,()[]=" else f"#{ord(letter)};"
        for letter in text
    )
