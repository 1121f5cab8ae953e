"""Lay out a graph: layers from top to bottom, few crossings, arrows around boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import NamedTuple

BOX_WIDTH, BOX_HEIGHT = 208, 52
_GAP_ACROSS, _GAP_DOWN = 24, 44
# an arrow that passes a layer takes a place in it
_LANE = 14
_MARGIN = 8
_SWEEPS = 12


class Box(NamedTuple):
    """A task; ``x`` and ``y`` are its upper left corner, in pixels."""

    task: str
    x: float
    y: float


class Arrow(NamedTuple):
    """
    From a task to one that needs it.

    :param source: the task.
    :param target: the one that needs it.
    :param path: the way in between, as SVG writes it.
    :param implied: whether other arrows lead there too.
    """

    source: str
    target: str
    path: str
    implied: bool


class Drawing(NamedTuple):
    """A graph with places; sizes in pixels."""

    width: float
    height: float
    boxes: list[Box]
    arrows: list[Arrow]


# a task, or the lane of an arrow (source, target) in one layer
_Node = str | tuple[str, str, int]
_Graph = Mapping[str, set[str]]


def draw(needs: _Graph) -> Drawing:
    """
    Place the tasks of a graph.

    :param needs: by task, the tasks that come before it.
    :raises ValueError: the graph has a cycle.
    """
    layer_of = _layers_of(needs)
    chains = {
        (source, target): _chain(source, target, layer_of) for target in needs for source in needs[target]
    }
    layers = _ordered(layer_of, list(chains.values()))
    centres = _centres(layers, list(chains.values()))
    left = min(centre - _width(node) / 2 for node, centre in centres.items()) - _MARGIN
    centres = {node: centre - left for node, centre in centres.items()}
    tops = {
        node: _MARGIN + number * (BOX_HEIGHT + _GAP_DOWN)
        for number, layer in enumerate(layers)
        for node in layer
    }
    return Drawing(
        width=max(centre + _width(node) / 2 for node, centre in centres.items()) + _MARGIN,
        height=max(tops.values()) + BOX_HEIGHT + _MARGIN,
        boxes=[Box(task, centres[task] - BOX_WIDTH / 2, tops[task]) for task in layer_of],
        arrows=[
            Arrow(source, target, _path(chain, centres, tops), _is_implied(source, target, needs))
            for (source, target), chain in chains.items()
        ],
    )


def _layers_of(needs: _Graph) -> dict[str, int]:
    """Place each task below everything that it needs, and one that needs nothing next to its user."""
    try:
        order = list(TopologicalSorter({task: sorted(needs[task]) for task in needs}).static_order())
    except CycleError as error:
        raise ValueError(f"the tasks {error.args[1]} need each other") from error
    layer_of: dict[str, int] = {}
    for task in order:
        layer_of[task] = max((layer_of[other] + 1 for other in needs[task]), default=0)
    for task in order:
        users = [layer_of[other] for other in needs if task in needs[other]]
        if not needs[task] and users:
            layer_of[task] = min(users) - 1
    return layer_of


def _chain(source: str, target: str, layer_of: Mapping[str, int]) -> list[_Node]:
    between = range(layer_of[source] + 1, layer_of[target])
    return [source, *((source, target, layer) for layer in between), target]


def _ordered(layer_of: Mapping[str, int], chains: Sequence[Sequence[_Node]]) -> list[list[_Node]]:
    """Order the nodes of each layer with few crossings: each near the middle of its neighbours."""
    layers: list[list[_Node]] = [[] for _ in range(max(layer_of.values()) + 1)]
    for task, number in layer_of.items():
        layers[number].append(task)
    for chain in chains:
        for node in chain[1:-1]:
            layers[int(node[2])].append(node)
    above, below = _neighbours(chains)
    for sweep in range(_SWEEPS):
        down = sweep % 2 == 0
        numbers = range(1, len(layers)) if down else range(len(layers) - 2, -1, -1)
        for number in numbers:
            fixed = layers[number - 1 if down else number + 1]
            layers[number] = _sorted(layers[number], fixed, above if down else below)
    return layers


def _sorted(
    layer: Sequence[_Node], fixed: Sequence[_Node], near: Mapping[_Node, Sequence[_Node]]
) -> list[_Node]:
    places = {node: place / len(fixed) for place, node in enumerate(fixed)}
    wanted = {
        node: _mean([places[other] for other in near.get(node, [])], place / len(layer))
        for place, node in enumerate(layer)
    }
    return sorted(layer, key=lambda node: wanted[node])


def _neighbours(
    chains: Sequence[Sequence[_Node]],
) -> tuple[dict[_Node, list[_Node]], dict[_Node, list[_Node]]]:
    above: dict[_Node, list[_Node]] = {}
    below: dict[_Node, list[_Node]] = {}
    for chain in chains:
        for upper, lower in pairwise(chain):
            above.setdefault(lower, []).append(upper)
            below.setdefault(upper, []).append(lower)
    return above, below


def _centres(layers: Sequence[Sequence[_Node]], chains: Sequence[Sequence[_Node]]) -> dict[_Node, float]:
    """Move each node to the free place of its layer that is nearest to the middle of its neighbours."""
    centres: dict[_Node, float] = {}
    for layer in layers:
        _pack(layer, {node: 0.0 for node in layer}, centres)
    above, below = _neighbours(chains)
    for sweep in range(_SWEEPS):
        near = above if sweep % 2 == 0 else below
        for layer in layers if sweep % 2 == 0 else list(layers)[::-1]:
            wanted = {
                node: _mean([centres[other] for other in near.get(node, [])], centres[node]) for node in layer
            }
            _pack(layer, wanted, centres)
    return centres


def _pack(layer: Sequence[_Node], wanted: Mapping[_Node, float], centres: dict[_Node, float]) -> None:
    """Keep the order and the gaps, halfway between what a pass from the left and one from the right gives."""
    from_left = _pushed(layer, wanted, 1)
    from_right = _pushed(list(layer)[::-1], wanted, -1)
    for node in layer:
        centres[node] = (from_left[node] + from_right[node]) / 2


def _pushed(layer: Sequence[_Node], wanted: Mapping[_Node, float], sign: int) -> dict[_Node, float]:
    found: dict[_Node, float] = {}
    edge: float | None = None
    for node in layer:
        centre = sign * wanted[node]
        if edge is not None:
            centre = max(centre, edge + _width(node) / 2)
        found[node] = sign * centre
        edge = centre + _width(node) / 2 + _GAP_ACROSS
    return found


def _path(chain: Sequence[_Node], centres: Mapping[_Node, float], tops: Mapping[_Node, float]) -> str:
    """Return the path from the bottom of a box through the lanes to the top of the other box."""
    x, y = centres[chain[0]], tops[chain[0]] + BOX_HEIGHT
    parts = [f"M{x:.1f} {y:.1f}"]
    for node in chain[1:]:
        to_x, to_y = centres[node], tops[node]
        middle = (y + to_y) / 2
        parts.append(f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}")
        x, y = to_x, to_y
        if node != chain[-1]:
            y += BOX_HEIGHT
            parts.append(f"V{y:.1f}")
    return "".join(parts)


def _is_implied(source: str, target: str, needs: _Graph) -> bool:
    """Return whether the target needs the source by way of another task too."""
    seen: set[str] = set()
    waiting = list(needs[target] - {source})
    while waiting:
        task = waiting.pop()
        if task not in seen:
            seen.add(task)
            waiting.extend(needs[task])
    return source in seen


def _width(node: _Node) -> int:
    return BOX_WIDTH if isinstance(node, str) else _LANE


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
