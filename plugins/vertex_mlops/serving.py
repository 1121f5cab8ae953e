"""What the compiled pipeline file says about how its model is served."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vertex_mlops.contract import download_spec
from vertex_mlops.exceptions import SpecError


class _Port(BaseModel):
    """
    A port of a container.

    :param container_port: its number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    container_port: Annotated[int, Field(ge=1, le=65535)]


class ContainerSpec(BaseModel):
    """
    The model server's container: the fields of ModelContainerSpec that the compiled file may set.

    .. seealso::
        https://cloud.google.com/vertex-ai/docs/reference/rest/v1/ModelContainerSpec

    :param image_uri: image in Artifact Registry.
    :param command: replaces the image's entry point.
    :param args: of the command; Vertex AI expands ``$(AIP_STORAGE_URI)`` and its other variables in them.
    :param ports: Vertex AI asks the first one; 8080 if there is none.
    :param predict_route: path of predictions.
    :param health_route: path of health checks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    image_uri: Annotated[str, Field(min_length=1)]
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    ports: tuple[_Port, ...] = ()
    predict_route: str = ""
    health_route: str = ""


class ServingSpec(BaseModel):
    """
    The ``serving`` key of the compiled pipeline file.

    :param name: display name of the endpoint and id of the Model whose versions are deployed to it.
    :param container_spec: container of the model server.
    :param machine_type: of each replica.
    :param min_replicas: replicas that always run.
    :param max_replicas: replicas under load.
    :param git_revision: of the code that the pipeline was compiled from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    container_spec: ContainerSpec
    machine_type: str
    min_replicas: Annotated[int, Field(ge=1)]
    max_replicas: Annotated[int, Field(ge=1)]
    git_revision: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,63}$")]


def read_serving_spec(
    spec_uri: str, gcp_conn_id: str, impersonation_chain: str | Sequence[str] | None
) -> ServingSpec:
    """
    Download a compiled pipeline file and read how its model is served.

    :param spec_uri: ``gs://bucket/object``.
    :param gcp_conn_id: connection ID of Google Cloud.
    :param impersonation_chain: service accounts to impersonate.
    :raises SpecError: the object is missing or does not say it.
    """
    text = download_spec(spec_uri, gcp_conn_id, impersonation_chain)
    try:
        return ServingSpec.model_validate(json.loads(text)["serving"])
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(str(part) for part in ("serving", *problem["loc"]))
        raise SpecError(f"{spec_uri}: {key}: {problem['msg']}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise SpecError(f"{spec_uri}: not a compiled pipeline with a serving key: {error}") from error
