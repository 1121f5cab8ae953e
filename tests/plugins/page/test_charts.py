"""Small pictures that read well, whatever the figures and the names."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from vertex_mlops.page.charts import Point, distance_bar, line_chart, traffic_bar

EVIL = "<script>alert(\"1\")</script> & 'more'"


def point(value: float, champion: float | None = None, **more: str) -> Point:
    words = {"label": "Nov 25", "level": "ok", "text": "version 1", "url": "../dags/d/runs/r"} | more
    return Point(value=value, champion=champion, **words)


def read(svg: str) -> ElementTree.Element:
    """Parse a picture, which must be well-formed even where HTML would forgive."""
    return ElementTree.fromstring(svg)


def marks(svg: str) -> list[tuple[float, float]]:
    return [(float(mark.get("cx", "")), float(mark.get("cy", ""))) for mark in read(svg).iter("circle")]


def test_a_chart_reads_from_left_to_right_and_better_figures_are_higher() -> None:
    found = marks(line_chart("AUC", [point(0.7), point(0.9), point(0.8)]))

    assert [x for x, _ in found] == sorted(x for x, _ in found)
    first, second, third = (y for _, y in found)
    assert second < third < first


@pytest.mark.parametrize("figures", [[0.5], [0.5, 0.5], [0.0, 0.0], [-1e9, 1e9], [1e-12, 2e-12]])
def test_every_mark_is_inside_whatever_the_figures(figures: list[float]) -> None:
    svg = line_chart("MAD", [point(figure, champion=figure) for figure in figures])

    _, _, width, height = map(float, read(svg).get("viewBox", "").split())
    assert all(0 < x < width and 0 < y < height for x, y in marks(svg))


def test_the_line_is_that_of_the_champions_and_leaves_out_who_had_none() -> None:
    svg = line_chart("MAD", [point(0.5), point(0.6, champion=0.5), point(0.4, champion=0.5)])

    (line,) = read(svg).iter("polyline")
    ends = [tuple(map(float, end.split(","))) for end in line.get("points", "").split()]
    assert [x for x, _ in ends] == [x for x, _ in marks(svg)][1:]
    assert len({y for _, y in ends}) == 1


def test_each_mark_says_what_it_is_and_leads_to_its_run() -> None:
    (link,) = read(line_chart("MAD", [point(0.5, text="version 3: 0.500", url="../dags/a/runs/b")])).iter("a")

    assert link.get("href") == "../dags/a/runs/b"
    assert link.get("aria-label") == "version 3: 0.500"
    assert [title.text for title in link.iter("title")] == ["version 3: 0.500"]


def test_nothing_that_a_service_answers_becomes_markup() -> None:
    pictures = [
        line_chart(EVIL, [point(0.5, text=EVIL, label=EVIL, url=f'"{EVIL}', level=EVIL)]),
        traffic_bar([(EVIL, EVIL, 100)]),
    ]

    for picture in pictures:
        assert not list(read(picture).iter("script"))
        assert EVIL in {read(picture).get("aria-label", "").removesuffix(f" ({EVIL}) 100 %")}


@pytest.mark.parametrize(
    ("distance", "threshold", "anomaly"),
    [(0.1, 0.3, False), (0.3, 0.3, False), (0.31, 0.3, True), (5, 1, True)],
)
def test_a_bar_crosses_the_threshold_only_if_it_is_an_anomaly(
    distance: float, threshold: float, anomaly: bool
) -> None:
    picture = read(distance_bar(distance, threshold))

    track, bar = picture.iter("rect")
    (tick,) = picture.iter("line")
    assert (float(bar.get("width", "")) > float(tick.get("x1", ""))) == anomaly
    assert float(bar.get("width", "")) <= float(track.get("width", ""))
    assert (bar.get("class") == "bad") == anomaly
    assert ("anomaly" in picture.get("aria-label", "")) == anomaly


def test_the_traffic_is_shared_out_without_a_gap() -> None:
    picture = read(traffic_bar([("v1", "champion", 90), ("v2", "challenger", 10)]))

    champion, challenger = picture.iter("rect")
    width = float(picture.get("viewBox", "").split()[2])
    assert float(champion.get("width", "")) == float(challenger.get("x", ""))
    assert float(challenger.get("x", "")) + float(challenger.get("width", "")) == width
    assert re.search(r"v1 \(champion\) 90 %, v2 \(challenger\) 10 %", picture.get("aria-label", ""))
