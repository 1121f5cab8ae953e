"""What the compiled pipeline file says about the data it learns from and the model it makes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vertex_mlops.compiled_pipeline import DATA_CONTRACT, part_of_file, part_of_job
from vertex_mlops.exceptions import UnknownFeatureError

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob

# TensorFlow Serving's name of the signature that a request without one asks
DEFAULT_SIGNATURE = "serving_default"
RAW_SIGNATURE = "serving_raw"
EXAMPLES_SIGNATURE = "serving_examples"


class Range(BaseModel):
    """
    What a value may be.

    :param min: smallest plausible value, inclusive.
    :param max: largest plausible value, inclusive.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: float
    max: float


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

    query: str
    columns: dict[str, Column]
    label: str
    min_rows: Annotated[int, Field(ge=1)] = 1
    min_label_values: Annotated[int, Field(ge=1)] = 1
    outputs: Annotated[dict[str, Range], Field(min_length=1)]
    sample_instance: dict[str, list[float]]
    sample_example: str
    default_signature: Literal["serving_raw", "serving_examples"]
    known_instances: list[dict[str, list[float]]] = []
    known_examples: list[str] = []

    @classmethod
    def from_spec(cls, text: str | bytes, uri: str) -> DataContract:
        """
        Read the contract out of a compiled pipeline file.

        :param text: content of the file.
        :param uri: where it came from, for the error message.
        :raises SpecError: the text is no JSON object with a valid ``dataContract``.
        """
        return part_of_file(cls, DATA_CONTRACT, text, uri)

    @classmethod
    def from_job(cls, job: PipelineJob) -> DataContract:
        """
        Read the contract that a pipeline job was compiled with.

        :param job: as GetPipelineJob gives it.
        :raises SpecError: the job carries none.
        """
        return part_of_job(cls, DATA_CONTRACT, job)

    @property
    def instances(self) -> dict[str, list[dict[str, Any]]]:
        """The known instances, by the name of the signature that takes them."""
        examples = [self.sample_example, *self.known_examples]
        return {
            RAW_SIGNATURE: [self.sample_instance, *self.known_instances],
            EXAMPLES_SIGNATURE: [{"examples": {"b64": example}} for example in examples],
        }

    @property
    def features(self) -> list[str]:
        """Names of the columns that the model sees."""
        return [name for name in self.columns if name != self.label]

    @property
    def hides_features(self) -> bool:
        """
        Whether a request to ``predict`` holds a serialized tf.Example, in which monitoring sees no feature.

        No schema helps: monitoring takes the values of a request as they are, in "the exact format (data
        type) as prediction request/response".

        Source: ``analysis_instance_schema_uri`` and ``predict_instance_schema_uri`` in
        https://github.com/googleapis/googleapis/blob/master/google/cloud/aiplatform/v1/model_deployment_monitoring_job.proto,
        and https://cloud.google.com/vertex-ai/docs/model-monitoring/schemas
        """
        return self.default_signature != RAW_SIGNATURE

    def check_features(self, names: Iterable[str]) -> None:
        """
        Make sure that the model sees what settings name.

        :param names: of features.
        :raises UnknownFeatureError: lists those that do not exist, and those that do.
        """
        if unknown := sorted(set(names) - set(self.features)):
            raise UnknownFeatureError(
                f"no such feature: {', '.join(unknown)}; the model has {', '.join(sorted(self.features))}"
            )

    def pinned_query(self, table: str, snapshot: int) -> str:
        """
        Training query that always returns the rows which the table held at one moment.

        :param table: ``project.dataset.table``.
        :param snapshot: that moment, in milliseconds since the epoch.
        """
        return self.query.format(table=table, snapshot=snapshot)

    @staticmethod
    def input_config(query: str) -> str:
        """
        Give the pipeline parameter ``input_config`` that makes the pipeline read the rows of a query.

        :param query: in GoogleSQL.
        """
        return json.dumps({"splits": [{"name": "single_split", "pattern": query}]})
