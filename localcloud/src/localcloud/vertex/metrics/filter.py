"""The filters of ListTimeSeries: comparisons by ``=`` that are joined by AND."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from google.api_core import exceptions

from localcloud.vertex.api.calls import unimplemented

_COMPARISON = re.compile(
    r"""\s*(?P<object>metric|resource)\.(?P<part>type|labels?\.(?P<label>[a-z_]+))
    \s*=\s*(?:"(?P<quoted>[^"\\]*)"|(?P<bare>[\w./-]+))\s*(?:(?P<more>AND)\b|$)""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class MetricFilter:
    """
    A parsed filter.

    :param metric_type: the one metric type.
    :param resource_type: type of the monitored resource; None if the filter leaves it open.
    :param metric_labels: values that labels of the metric must have.
    :param resource_labels: values that labels of the monitored resource must have.
    """

    metric_type: str
    resource_type: str | None
    metric_labels: Mapping[str, str]
    resource_labels: Mapping[str, str]


def parse_filter(text: str) -> MetricFilter:
    """
    Read a filter.

    Source: https://cloud.google.com/monitoring/api/v3/filters

    :param text: such as ``metric.type = "..." AND metric.labels.deployed_model_id = "1"``.
    :raises google.api_core.exceptions.InvalidArgument: it is empty or names no metric type.
    :raises google.api_core.exceptions.MethodNotImplemented: it holds anything but comparisons by ``=``
        that are joined by AND.
    """
    types: dict[str, str] = {}
    labels: dict[str, dict[str, str]] = {"metric": {}, "resource": {}}
    position, more = 0, bool(text.strip())
    while more:
        found = _COMPARISON.match(text, position)
        if not found:
            raise unimplemented(f"the filter {text[position:].strip()!r}: join KEY = VALUE by AND")
        value = found["bare"] if found["quoted"] is None else found["quoted"]
        if found["label"]:
            labels[found["object"]][found["label"]] = value
        else:
            types[found["object"]] = value
        position, more = found.end(), bool(found["more"])
    if "metric" not in types:
        raise exceptions.InvalidArgument(
            f"Field filter had an invalid value of {text!r}: The filter must specify a single metric type."
        )
    return MetricFilter(types["metric"], types.get("resource"), labels["metric"], labels["resource"])
