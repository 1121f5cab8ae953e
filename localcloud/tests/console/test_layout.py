"""The layout of boxes and arrows."""

from __future__ import annotations

import itertools
import re

import pytest

from localcloud.console.layout import BOX_HEIGHT, BOX_WIDTH, Drawing, draw

# dependencies of TFX's components
TFX = {
    "ExampleGen": set(),
    "StatisticsGen": {"ExampleGen"},
    "SchemaGen": {"StatisticsGen"},
    "ExampleValidator": {"StatisticsGen", "SchemaGen"},
    "Transform": {"ExampleGen", "SchemaGen"},
    "Trainer": {"Transform", "SchemaGen"},
    "Resolver": set(),
    "Evaluator": {"ExampleGen", "Trainer", "Resolver"},
    "Pusher": {"Trainer", "Evaluator"},
}
WIDE = {"root": set(), **{f"leaf-{number}": {"root"} for number in range(12)}}
GRAPHS = {"tfx": TFX, "wide": WIDE, "one": {"only": set()}, "apart": {"a": set(), "b": set()}}


@pytest.fixture(params=GRAPHS)
def graph(request):
    return GRAPHS[request.param]


def overlaps(drawing: Drawing) -> list[tuple[str, str]]:
    return [
        (one.task, other.task)
        for one, other in itertools.combinations(drawing.boxes, 2)
        if abs(one.x - other.x) < BOX_WIDTH and abs(one.y - other.y) < BOX_HEIGHT
    ]


def test_boxes_lie_inside_the_picture_and_apart(graph):
    drawing = draw(graph)

    assert {box.task for box in drawing.boxes} == set(graph)
    assert overlaps(drawing) == []
    for box in drawing.boxes:
        assert 0 <= box.x <= drawing.width - BOX_WIDTH
        assert 0 <= box.y <= drawing.height - BOX_HEIGHT


def test_every_arrow_leads_downwards_from_box_to_box(graph):
    drawing = draw(graph)
    boxes = {box.task: box for box in drawing.boxes}

    assert {(arrow.source, arrow.target) for arrow in drawing.arrows} == {
        (source, target) for target, sources in graph.items() for source in sources
    }
    for arrow in drawing.arrows:
        points = [float(number) for number in re.findall(r"-?\d+\.\d", arrow.path)]
        source, target = boxes[arrow.source], boxes[arrow.target]
        assert points[:2] == [pytest.approx(source.x + BOX_WIDTH / 2, abs=0.1), source.y + BOX_HEIGHT]
        assert points[-2:] == [pytest.approx(target.x + BOX_WIDTH / 2, abs=0.1), target.y]
        assert source.y < target.y


def test_no_arrow_passes_through_a_box():
    drawing = draw(TFX)

    for arrow in drawing.arrows:
        # its lane, where it passes a layer
        for x, y in re.findall(r"(-?\d+\.\d) (-?\d+\.\d)V", arrow.path):
            for box in drawing.boxes:
                passed = box.y == float(y)
                assert not (passed and box.x < float(x) < box.x + BOX_WIDTH), (arrow, box)


def test_the_same_graph_looks_the_same_each_time():
    assert draw(TFX) == draw(TFX)


def test_what_needs_nothing_stands_by_what_needs_it():
    boxes = {box.task: box for box in draw(TFX).boxes}

    assert boxes["Resolver"].y == boxes["Trainer"].y


def test_a_circle_cannot_be_drawn():
    with pytest.raises(ValueError, match="need each other"):
        draw({"a": {"b"}, "b": {"a"}})
