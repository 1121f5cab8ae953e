"""The schema of the examples, for TensorFlow Data Validation."""

# no postponed annotations here: TFX reads these as objects

import os

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import OutputArtifact
from tfx.dsl.component.experimental.decorators import component
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts

from wine_pipeline.features import FEATURES, GOOD, QUALITY, QUALITY_MAX, QUALITY_MIN

_FILE = "schema.pbtxt"


def build_schema() -> schema_pb2.Schema:
    """Return each column of the query with its type and range: one value in every row, and a number."""
    columns = [
        schema_pb2.Feature(
            name=feature.name,
            type=schema_pb2.FLOAT,
            float_domain=schema_pb2.FloatDomain(
                min=feature.minimum, max=feature.maximum, disallow_nan=True, disallow_inf=True
            ),
        )
        for feature in FEATURES
    ]
    columns += [
        schema_pb2.Feature(
            name=name, type=schema_pb2.INT, int_domain=schema_pb2.IntDomain(min=minimum, max=maximum)
        )
        for name, minimum, maximum in ((QUALITY, QUALITY_MIN, QUALITY_MAX), (GOOD, 0, 1))
    ]
    for column in columns:
        column.presence.min_fraction = 1.0
        column.presence.min_count = 1
        column.shape.dim.add(size=1)
    return schema_pb2.Schema(feature=columns)


@component
def DeclaredSchemaGen(  # noqa: N802 (TFX's way to name a component)
    schema: OutputArtifact[standard_artifacts.Schema],
) -> None:
    """
    Write the schema that is declared in the code.

    A schema that is inferred from the examples would find no anomalies in them.

    :param schema: takes it.
    """
    fileio.makedirs(schema.uri)
    with fileio.open(os.path.join(schema.uri, _FILE), "w") as file:
        file.write(text_format.MessageToString(build_schema()))
