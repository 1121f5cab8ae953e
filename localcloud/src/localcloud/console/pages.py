"""The data sources and the template of a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from localcloud.config import Settings
from localcloud.console import paths, wording

if TYPE_CHECKING:
    from localcloud.bigquery.api.browse import TableReader
    from localcloud.storage.objects import ObjectStore
    from localcloud.vertex.reader import VertexReader


class Sources(NamedTuple):
    """
    What the pages read.

    :param settings: project, and how clients reach localcloud.
    :param vertex: resources of Vertex AI.
    :param bigquery: tables and jobs of BigQuery.
    :param objects: of Cloud Storage.
    """

    settings: Settings
    vertex: VertexReader
    bigquery: TableReader
    objects: ObjectStore


class Page(NamedTuple):
    """
    A page that is not rendered yet.

    :param template: file in ``templates/``.
    :param values: what the template shows.
    """

    template: str
    values: dict[str, Any]


# what the path and the query name
Asked = Mapping[str, str]
View = Callable[[Sources, Asked], Page]


def environment(settings: Settings) -> Environment:
    """
    Create the template environment of the pages; it escapes every value.

    :param settings: names the project.
    """
    made = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {
        "lists": paths.LISTS,
        "log_of": paths.log_of,
        "page_of": paths.page_of,
        "project": settings.project,
        "seconds_between": wording.seconds_between,
        "table_page": lambda dataset, table: paths.table_page(settings.project, dataset, table),
    }
    made.filters |= {
        "id_of": lambda name: name.rpartition("/")[2],
        "short": wording.short,
        "region_of": lambda name: name.split("/")[3],
        "span": wording.span,
        "state": wording.state,
        "tone": wording.tone,
        "when": wording.when,
        "when_ms": wording.when_ms,
    }
    return made
