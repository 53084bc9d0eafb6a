"""A picture of tasks, as SVG: each under the one that gave it away, arrows between them. It fetches nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from orchestrator.cli import screen


class Node(NamedTuple):
    """`about`: what is shown of it when somebody points at it."""

    task: str
    agent: str
    state: str
    about: str

    @property
    def kind(self) -> str:
        """The name of its colour."""
        return _KINDS.get(self.state, "idle")


class Edge(NamedTuple):
    source: str
    target: str
    kind: Literal["gives", "before", "refers"]


class Colour(NamedTuple):
    fill: str
    line: str


_WIDE, _HIGH, _GAP, _STEP, _EDGE = 206, 54, 48, 118, 24
"""Of a box, and between two; from one row to the next, and around all: points."""
_ACROSS = 6
"""Columns that trees side by side may take."""
_DIP = 24
"""How far beneath the boxes an arrow to one farther along goes."""
_NAME = 27
"""Columns of an agent's name: of the widest letters some are cut off at the edge of the box."""
COLOURS = {
    "done": Colour("#e6f4ea", "#1e8e3e"),
    "busy": Colour("#e8f0fe", "#1a73e8"),
    "needy": Colour("#fef3d6", "#d18700"),
    "idle": Colour("#f1f3f4", "#80868b"),
    "gone": Colour("#ffffff", "#80868b"),
    "bad": Colour("#fce8e6", "#d93025"),
}
_KINDS = {
    "in-progress": "busy",
    **dict.fromkeys(("completed", "archiving", "archived"), "done"),
    **dict.fromkeys(("interrupted", "paused", "blocked", "stopped"), "needy"),
    **dict.fromkeys(("cancelled", "not begun"), "gone"),
    "unreadable": "bad",
}
_STROKES = {
    "gives": 'stroke="#5f6368"',
    "before": 'stroke="#5f6368" stroke-dasharray="7 4"',
    "refers": 'stroke="#9aa0a6" stroke-dasharray="2 4"',
}

Places = dict[str, tuple[float, int]]
Point = tuple[float, float]


def drawing(nodes: Sequence[Node], edges: Sequence[Edge]) -> str:
    places = _places(nodes, edges)
    columns = max((x for x, _ in places.values()), default=0) + 1
    rows = max((y for _, y in places.values()), default=0) + 1
    width = columns * (_WIDE + _GAP) - _GAP + 2 * _EDGE
    height = rows * _STEP - (_STEP - _HIGH) + 2 * _EDGE + _DIP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}"'
        f' height="{height:g}" font-family="Helvetica, Arial, sans-serif" font-size="13">',
        '<defs><marker id="tip" viewBox="0 0 10 8" refX="9" refY="4" markerWidth="9" markerHeight="7.2" orient="auto"'
        ' markerUnits="userSpaceOnUse"><path d="M0 0 10 4 0 8z" fill="#5f6368"/></marker></defs>',
        f'<rect width="{width:g}" height="{height:g}" fill="white"/>',
    ]
    parts += [_arrow(edge, places) for edge in edges]
    parts += [_box(node, *_corner(places[node.task])) for node in nodes]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _places(nodes: Sequence[Node], edges: Sequence[Edge]) -> Places:
    """Column and row of each: a leaf takes the next column, whoever gave work away stands over the middle of it."""
    below: dict[str, list[str]] = {node.task: [] for node in nodes}
    for edge in edges:
        if edge.kind == "gives":
            below[edge.source].append(edge.target)
    places: Places = {}

    def put(task_id: str, row: int, column: float) -> float:
        """Returns the next free column."""
        places[task_id] = (column, row)
        children = [child for child in below[task_id] if child not in places]
        end = column
        for child in children:
            end = put(child, row + 1, end)
        if children:
            places[task_id] = ((places[children[0]][0] + places[children[-1]][0]) / 2, row)
        return max(end, column + 1)

    given, band, free = {edge.target for edge in edges if edge.kind == "gives"}, 0, 0.0
    for node in [*(node for node in nodes if node.task not in given), *nodes]:
        if node.task not in places:
            others, lowest = set(places), max((row for _, row in places.values()), default=0)
            end = put(node.task, band, free)
            if free and end > _ACROSS:  # a tree that finds no place beside the others stands beneath them
                moved = {
                    name: (x - free, y - band + lowest + 1) for name, (x, y) in places.items() if name not in others
                }
                places |= moved
                band, end = lowest + 1, end - free
            free = end
    return places


def _arrow(edge: Edge, places: Places) -> str:
    (column, row), (to_column, to_row) = places[edge.source], places[edge.target]
    (x1, y1), (x2, y2) = _corner(places[edge.source]), _corner(places[edge.target])
    label = ""
    between = [name for name, (x, y) in places.items() if y == row and column < x < to_column]
    if row == to_row and column < to_column and not between:
        start, end = (x1 + _WIDE, y1 + _HIGH / 2), (x2, y2 + _HIGH / 2)
        path = f"M{_at(start)}L{_at(end)}"
        label = _label((start[0] + end[0]) / 2 - 3, start[1] - 6) if edge.kind == "before" else ""
    elif row == to_row:  # around what stands between them
        side = 1 if to_column > column else -1
        start, end = (x1 + _WIDE / 2 + side * _WIDE / 4, y1 + _HIGH), (x2 + _WIDE / 2 - side * _WIDE / 4, y2 + _HIGH)
        path = f"M{_at(start)}C{start[0]:g} {start[1] + _DIP * 1.4:g} {end[0]:g} {end[1] + _DIP * 1.4:g} {_at(end)}"
        label = _label((start[0] + end[0]) / 2, start[1] + _DIP - 3) if edge.kind == "before" else ""
    else:
        down, aside = row < to_row, 0.0 if edge.kind == "gives" else _WIDE / 5
        start = (x1 + _WIDE / 2 + aside, y1 + (_HIGH if down else 0))
        end = (x2 + _WIDE / 2 + aside, y2 + (0 if down else _HIGH))
        middle = (start[1] + end[1]) / 2
        path = f"M{_at(start)}C{start[0]:g} {middle:g} {end[0]:g} {middle:g} {_at(end)}"
    return f'<path d="{path}" fill="none" {_STROKES[edge.kind]} stroke-width="1.3" marker-end="url(#tip)"/>{label}'


def _label(x: float, y: float) -> str:
    return f'<text x="{x:g}" y="{y:g}" font-size="11" fill="#5f6368" text-anchor="middle">then</text>'


def _box(node: Node, x: float, y: float) -> str:
    """An image in the image: what is wider than the box is cut off."""
    from html import escape

    colour = COLOURS[node.kind]
    dashes = ' stroke-dasharray="4 3"' if node.state == "not begun" else ""
    title = f"<title>{escape(node.about)}</title>" if node.about else ""
    return (
        f'<svg x="{x:g}" y="{y:g}" width="{_WIDE}" height="{_HIGH}">{title}<rect x="1" y="1" width="{_WIDE - 2}"'
        f' height="{_HIGH - 2}" rx="8" fill="{colour.fill}" stroke="{colour.line}" stroke-width="1.4"{dashes}/>'
        f'<text x="14" y="23" font-weight="bold" fill="#202124">{escape(screen.fit(node.agent, _NAME))}</text>'
        f'<circle cx="18" cy="38" r="4" fill="{colour.line}"/>'
        f'<text x="28" y="42" fill="#3c4043">{node.task} · {escape(node.state)}</text></svg>'
    )


def _at(point: Point) -> str:
    return f"{point[0]:g} {point[1]:g}"


def _corner(place: tuple[float, int]) -> Point:
    return _EDGE + place[0] * (_WIDE + _GAP), _EDGE + place[1] * _STEP
