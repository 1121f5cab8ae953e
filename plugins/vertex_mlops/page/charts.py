"""Small charts as SVG, drawn on the server; colours come from the style sheet, by class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

_WIDTH, _HEIGHT = 380, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 10, 22
_RADIUS = 4.5
_BAR_WIDTH, _BAR_HEIGHT = 160, 14
# the thresholds of all features are aligned, whatever their values
_THRESHOLD_AT = 0.6


class Point(NamedTuple):
    """
    A metric of one model, with that of the champion at that time.

    :param label: label on the axis.
    :param value: of the model.
    :param champion: of the champion; None if there was none.
    :param level: class of the mark: ``ok``, ``bad``, ``unknown``.
    :param text: the tooltip.
    :param url: target of the mark's link.
    """

    label: str
    value: float
    champion: float | None
    level: str
    text: str
    url: str


def line_chart(title: str, points: Sequence[Point]) -> Markup:
    """
    Draw the models of several trainings as marks, and their champions as a line.

    :param title: the metric.
    :param points: in order of time; at least one.
    """
    figures = [figure for point in points for figure in (point.value, point.champion) if figure is not None]
    low, high = _range(figures)
    x = [_x(number, len(points)) for number in range(len(points))]
    grid = [_gridline(value, low, high) for value in (low, (low + high) / 2, high)]
    line = [
        (x[i], _y(point.champion, low, high)) for i, point in enumerate(points) if point.champion is not None
    ]
    marks = [_mark(point, x[i], _y(point.value, low, high)) for i, point in enumerate(points)]
    return Markup(
        '<svg class="chart" viewBox="0 0 {width} {height}" role="group" aria-label="{title}">'
        '{grid}<polyline class="champion" points="{line}"/>{squares}{marks}{labels}</svg>'
    ).format(
        width=_WIDTH,
        height=_HEIGHT,
        title=title,
        grid=Markup("").join(grid),
        line=" ".join(f"{a:.1f},{b:.1f}" for a, b in line),
        # a line with a single point is invisible
        squares=Markup("").join(_square(a, b) for a, b in line),
        marks=Markup("").join(marks),
        labels=_labels(points, x),
    )


def distance_bar(distance: float, threshold: float) -> Markup:
    """
    Draw a distance relative to its threshold.

    :param distance: the distance.
    :param threshold: above which it is an anomaly.
    :return: an SVG image.
    """
    text = f"{distance:.2f} of {threshold:g}" + (", an anomaly" if distance > threshold else "")
    return Markup(
        '<svg class="bar" viewBox="0 0 {width} {height}" role="img" aria-label="{text}">'
        '<rect class="track" width="{width}" height="{height}" rx="3"/>'
        '<rect class="{level}" width="{length:.1f}" height="{height}" rx="3"/>'
        '<line class="threshold" x1="{tick:.1f}" x2="{tick:.1f}" y1="0" y2="{height}"/></svg>'
    ).format(
        width=_BAR_WIDTH,
        height=_BAR_HEIGHT,
        text=text,
        level="bad" if distance > threshold else "ok",
        length=_BAR_WIDTH * min(distance / (threshold or 1) * _THRESHOLD_AT, 1.0),
        tick=_BAR_WIDTH * _THRESHOLD_AT,
    )


def _range(figures: Sequence[float]) -> tuple[float, float]:
    low, high = min(figures), max(figures)
    # a difference of 0.001 must not look like one of 0.5
    margin = max((high - low) * 0.15, 0.01)
    return low - margin, high + margin


def _x(number: int, count: int) -> float:
    width = _WIDTH - _LEFT - _RIGHT
    return _LEFT + width * (number + 0.5) / count


def _y(value: float, low: float, high: float) -> float:
    height = _HEIGHT - _TOP - _BOTTOM
    return _TOP + height * (high - value) / (high - low)


def _gridline(value: float, low: float, high: float) -> Markup:
    return Markup(
        '<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        '<text class="tick" x="{text}" y="{y:.1f}" dy="0.35em" text-anchor="end">{value:.3f}</text>'
    ).format(left=_LEFT, right=_WIDTH - _RIGHT, text=_LEFT - 6, y=_y(value, low, high), value=value)


def _mark(point: Point, x: float, y: float) -> Markup:
    return Markup(
        '<a href="{url}" aria-label="{text}"><title>{text}</title>'
        '<circle class="mark {level}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/></a>'
    ).format(url=point.url, text=point.text, level=point.level, x=x, y=y, radius=_RADIUS)


def _square(x: float, y: float) -> Markup:
    return Markup('<rect class="champion" x="{x:.1f}" y="{y:.1f}" width="5" height="5"/>').format(
        x=x - 2.5, y=y - 2.5
    )


def _labels(points: Sequence[Point], x: Sequence[float]) -> Markup:
    shown = {0, len(points) - 1}
    return Markup("").join(
        Markup('<text class="tick" x="{x:.1f}" y="{y}" text-anchor="middle">{label}</text>').format(
            x=x[i], y=_HEIGHT - 6, label=points[i].label
        )
        for i in sorted(shown)
    )


def traffic_bar(shares: Sequence[tuple[str, str, int]]) -> Markup:
    """
    Draw the traffic split.

    :param shares: name, role and percent of each model with traffic.
    """
    left = 0.0
    parts = []
    for name, role, percent in shares:
        width = _WIDTH * percent / 100
        parts.append(
            Markup(
                '<rect class="{role}" x="{x:.1f}" width="{width:.1f}" height="24"/>'
                '<text class="share" x="{middle:.1f}" y="16" text-anchor="middle">{label}</text>'
            ).format(
                role="challenger" if role == "challenger" else "champion",
                x=left,
                width=width,
                middle=left + width / 2,
                label=f"{name} {percent} %" if percent > 20 else name,
            )
        )
        left += width
    text = ", ".join(f"{name} ({role}) {percent} %" for name, role, percent in shares)
    return Markup(
        '<svg class="traffic" viewBox="0 0 {width} 24" role="img" aria-label="{text}">{parts}</svg>'
    ).format(width=_WIDTH, text=text, parts=Markup("").join(parts))
