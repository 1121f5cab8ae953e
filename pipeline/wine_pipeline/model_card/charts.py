"""The plots of a card, as SVG within the page; colours come from its style sheet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from wine_pipeline.model_card.markup import node
from wine_pipeline.model_card.predictions import Bin

_SIDE = 300
_LEFT, _TOP, _RIGHT, _BOTTOM = 52, 12, 12, 46
_CELL = 40
_SPARK_WIDTH, _SPARK_HEIGHT = 110, 24


def calibration_plot(bins: Sequence[Bin]) -> Element:
    """
    Draw the share of good wines over the probability that the model gives; a perfect model is the diagonal.

    :param bins: none of them empty.
    """
    largest = max(found.rows for found in bins)
    ticks = [
        part
        for number in range(6)
        for part in (
            node("line", x1=_x(number / 5), x2=_x(number / 5), y1=_y(0), y2=_y(1), class_="grid"),
            node("line", x1=_x(0), x2=_x(1), y1=_y(number / 5), y2=_y(number / 5), class_="grid"),
            _label(f"{number / 5:g}", _x(number / 5), _y(0) + 16, "middle"),
            _label(f"{number / 5:g}", _x(0) - 6, _y(number / 5) + 4, "end"),
        )
    ]
    path = " ".join(f"{_x(found.probability):.1f},{_y(found.share):.1f}" for found in bins)
    dots = [
        node(
            "circle",
            node("title", f"{found.rows} wines: given {found.probability:.2f}, good {found.share:.2f}"),
            cx=_x(found.probability),
            cy=_y(found.share),
            # the area tells how many
            r=3 + 9 * math.sqrt(found.rows / largest),
            class_="dot",
        )
        for found in bins
    ]
    return _picture(
        _SIDE + _LEFT + _RIGHT,
        _SIDE + _TOP + _BOTTOM,
        "Calibration: share of good wines by predicted probability",
        *ticks,
        node("line", x1=_x(0), y1=_y(0), x2=_x(1), y2=_y(1), class_="ideal"),
        node("polyline", points=path, class_="line"),
        *dots,
        *_axes("predicted probability of good", "share that is good"),
    )


def confusion_plot(confusion: Sequence[Sequence[int]]) -> Element:
    """
    Draw how many wines of each grade got which grade; the darker, the larger the share of its row.

    :param confusion: rows by grade and by the model's grade, rounded.
    """
    found = [number for number, row in enumerate(confusion) if any(row)]
    found += [number for row in confusion for number, rows in enumerate(row) if rows]
    grades = range(min(found), max(found) + 1)
    parts = []
    for down, actual in enumerate(grades):
        total = sum(confusion[actual])
        for across, predicted in enumerate(grades):
            rows = confusion[actual][predicted]
            share = rows / total if total else 0.0
            parts += _cell(across, down, rows, share, actual == predicted)
        parts.append(_label(str(actual), _LEFT - 8, _TOP + (down + 0.5) * _CELL + 4, "end"))
    for across, predicted in enumerate(grades):
        parts.append(
            _label(str(predicted), _LEFT + (across + 0.5) * _CELL, _TOP + len(grades) * _CELL + 16, "middle")
        )
    side = len(grades) * _CELL
    return _picture(
        side + _LEFT + _RIGHT,
        side + _TOP + _BOTTOM,
        "Confusion: grade by predicted grade",
        *parts,
        *_axes("predicted grade, rounded", "grade", side),
    )


def sparkline(counts: Sequence[float]) -> Element:
    """
    Draw a small histogram.

    :param counts: of parts of equal width.
    """
    width = _SPARK_WIDTH / len(counts)
    largest = max(counts) or 1.0
    bars = [
        node(
            "rect",
            x=number * width,
            y=_SPARK_HEIGHT * (1 - count / largest),
            width=max(width - 1, 1),
            height=_SPARK_HEIGHT * count / largest,
            class_="bar",
        )
        for number, count in enumerate(counts)
    ]
    return _picture(_SPARK_WIDTH, _SPARK_HEIGHT, "distribution", *bars)


def _cell(across: int, down: int, rows: int, share: float, is_right: bool) -> list[Element]:
    x, y = _LEFT + across * _CELL, _TOP + down * _CELL
    box = node(
        "rect",
        x=x + 1,
        y=y + 1,
        width=_CELL - 2,
        height=_CELL - 2,
        class_="right cell" if is_right else "cell",
        fill_opacity=share,
    )
    if not rows:
        return [box]
    text = _label(str(rows), x + _CELL / 2, y + _CELL / 2 + 4, "middle")
    if share > 0.5:
        text.set("class", "label inverse")
    return [box, text]


def _axes(below: str, beside: str, side: float = _SIDE) -> tuple[Element, Element]:
    middle = _TOP + side / 2
    turned = _label(beside, 14, middle, "middle")
    turned.set("transform", f"rotate(-90 14 {middle:g})")
    return _label(below, _LEFT + side / 2, _TOP + side + 38, "middle"), turned


def _picture(width: float, height: float, title: str, *parts: Element) -> Element:
    size = {"viewBox": f"0 0 {width:g} {height:g}", "width": f"{width:g}", "height": f"{height:g}"}
    made = node("svg", node("title", title), *parts, role="img")
    made.attrib.update(size)
    return made


def _label(text: str, x: float, y: float, anchor: str) -> Element:
    return node("text", text, x=x, y=y, text_anchor=anchor, class_="label")


def _x(share: float) -> float:
    return _LEFT + share * _SIDE


def _y(share: float) -> float:
    return _TOP + (1 - share) * _SIDE
