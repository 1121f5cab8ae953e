"""Data contract of a compiled pipeline file: its training data and its model."""

from __future__ import annotations

import json
from collections.abc import Iterable
from string import Formatter
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from vertex_mlops.contract.config.identifiers import ColumnName
from vertex_mlops.contract.names import EXAMPLES_SIGNATURE, RAW_SIGNATURE, Signature

_PLACEHOLDERS = {("table", "", None), ("snapshot", "", None)}


def _query_template(query: str) -> str:
    try:
        found = {field[1:] for field in Formatter().parse(query) if field[1] is not None}
    except ValueError:
        found = set()
    if found != _PLACEHOLDERS:
        raise ValueError("must have the placeholders {table} and {snapshot}, and no others")
    return query


Finite = Annotated[float, Field(strict=True, allow_inf_nan=False)]
QueryTemplate = Annotated[str, AfterValidator(_query_template)]


class Range(BaseModel):
    """
    What a value may be.

    :param min: smallest plausible value, inclusive.
    :param max: largest plausible value, inclusive.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: Finite
    max: Finite

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min must not be greater than max, {self.max:g}")
        return self


class Column(Range):
    """
    One column of the training table.

    :param min: smallest plausible value, inclusive.
    :param max: largest plausible value, inclusive.
    :param type: GoogleSQL type name.
    """

    type: Literal["FLOAT64", "INT64"]


class DataContract(BaseModel):
    """
    The ``dataContract`` that a pipeline was compiled with.

    :param query: training query with the placeholders ``{table}`` and ``{snapshot}``.
    :param columns: every column that the query reads.
    :param label: the column that the model learns to predict.
    :param min_rows: fewest rows of which a model can be learnt and judged.
    :param min_label_values: fewest different values of the label in them.
    :param outputs: what each signature of the model answers.
    :param sample_instance: one instance in JSON, as the signature ``serving_raw`` takes it.
    :param sample_example: the same instance as a base64 tf.Example, as ``serving_examples`` takes it.
    :param default_signature: which of the two ``serving_default`` is: what ``predict`` asks.
    :param known_instances: more instances, as ``serving_raw`` takes them; with the sample instance before
        them, those whose answers the pipeline tells.
    :param known_examples: the same instances as base64 tf.Examples.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: ClassVar[str] = "dataContract"
    """Key of the compiled file."""
    parameter: ClassVar[str] = "data_contract"
    """Constant parameter of a task, which holds the same as JSON."""

    query: QueryTemplate
    columns: Annotated[dict[ColumnName, Column], Field(min_length=1)]
    label: str
    min_rows: Annotated[int, Field(ge=1, strict=True)] = 1
    min_label_values: Annotated[int, Field(ge=1, strict=True)] = 1
    outputs: Annotated[dict[str, Range], Field(min_length=1)]
    sample_instance: dict[str, list[Finite]]
    sample_example: str
    default_signature: Signature
    known_instances: list[dict[str, list[Finite]]] = []
    known_examples: list[str] = []

    @model_validator(mode="after")
    def _has_the_label(self) -> Self:
        if self.label not in self.columns:
            raise ValueError("label must be one of the columns")
        return self

    @property
    def instances(self) -> dict[str, list[dict[str, Any]]]:
        """Return the known instances by the name of the signature that takes them."""
        examples = [self.sample_example, *self.known_examples]
        return {
            RAW_SIGNATURE: [self.sample_instance, *self.known_instances],
            EXAMPLES_SIGNATURE: [{"examples": {"b64": example}} for example in examples],
        }

    @property
    def features(self) -> list[str]:
        """Return the names of the columns that the model sees."""
        return [name for name in self.columns if name != self.label]

    @property
    def hides_features(self) -> bool:
        """
        Return whether requests to ``predict`` hold tf.Examples, whose features monitoring cannot see.

        No schema helps: monitoring takes the values of a request as they are, in "the exact format (data
        type) as prediction request/response".

        Source: ``analysis_instance_schema_uri`` and ``predict_instance_schema_uri`` in
        https://github.com/googleapis/googleapis/blob/master/google/cloud/aiplatform/v1/model_deployment_monitoring_job.proto,
        and https://cloud.google.com/vertex-ai/docs/model-monitoring/schemas
        """
        return self.default_signature != RAW_SIGNATURE

    def pinned_query(self, table: str, snapshot: int) -> str:
        """
        Build the training query that always returns the rows which the table held at one moment.

        :param table: ``project.dataset.table``.
        :param snapshot: that moment, in milliseconds since the epoch.
        """
        return self.query.format(table=table, snapshot=snapshot)

    @staticmethod
    def input_config(query: str) -> str:
        """
        Build the pipeline parameter ``input_config`` that makes the pipeline read the rows of a query.

        :param query: in GoogleSQL.
        """
        return json.dumps({"splits": [{"name": "single_split", "pattern": query}]})


def unknown_features(names: Iterable[str], features: Iterable[str]) -> str:
    """
    Return a sentence about names that are no feature of a model; empty if all are.

    :param names: that settings give.
    :param features: that the model has.
    """
    known = sorted(features)
    unknown = sorted(set(names).difference(known))
    return f"no such feature: {', '.join(unknown)}; the model has {', '.join(known)}" if unknown else ""
