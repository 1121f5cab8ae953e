"""Elements of HTML and SVG; whatever text they hold is escaped when they are written out."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, tostring

Content = Element | str


def node(tag: str, *content: Content, **attributes: str | float) -> Element:
    """
    Create an element.

    :param tag: its name.
    :param content: elements and texts in their order.
    :param attributes: an underscore stands for a hyphen, and ``class_`` for class.
    """
    made = Element(tag, {name.rstrip("_").replace("_", "-"): _text(v) for name, v in attributes.items()})
    for each in content:
        if isinstance(each, Element):
            made.append(each)
        elif len(made):
            made[-1].tail = (made[-1].tail or "") + each
        else:
            made.text = (made.text or "") + each
    return made


def table(head: Sequence[Content], rows: Sequence[Sequence[Content]]) -> Element:
    """
    Create a table; the first column holds names, the others are aligned to the right.

    :param head: of each column.
    :param rows: as wide as the head.
    """
    made = node("table")
    SubElement(made, "thead").append(node("tr", *(node("th", cell, scope="col") for cell in head)))
    body = SubElement(made, "tbody")
    for name, *cells in rows:
        body.append(node("tr", node("th", name, scope="row"), *(node("td", cell) for cell in cells)))
    return node("div", made, class_="wide")


def document(title: str, style: str, *content: Content) -> str:
    """
    Write a page.

    :param title: of the page.
    :param style: style sheet, written as it is.
    :param content: of the body.
    """
    head = node(
        "head",
        node("meta", charset="utf-8"),
        node("meta", name="viewport", content="width=device-width, initial-scale=1"),
        node("meta", name="color-scheme", content="light dark"),
        node("title", title),
        node("style", style),
    )
    page = node("html", head, node("body", node("main", *content)), lang="en")
    return "<!DOCTYPE html>\n" + tostring(page, encoding="unicode", method="html") + "\n"


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.5g}"
