"""What the compiled pipeline file says about how its model is served."""

from __future__ import annotations

from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vertex_mlops.contract.config.identifiers import LabelValue, MachineType


class _Port(BaseModel):
    """
    A port of a container.

    :param container_port: its number.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    container_port: Annotated[int, Field(ge=1, le=65535, strict=True)]


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
    The ``serving`` that a pipeline was compiled with.

    :param name: display name of the endpoint and id of the Model whose versions are deployed to it.
    :param container_spec: container of the model server.
    :param machine_type: of each replica.
    :param min_replicas: replicas that always run.
    :param max_replicas: replicas under load.
    :param git_revision: of the code that the pipeline was compiled from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: ClassVar[str] = "serving"
    """Key of the compiled file."""
    parameter: ClassVar[str] = "serving"
    """Constant parameter of a task, which holds the same as JSON."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
    container_spec: ContainerSpec
    machine_type: MachineType
    min_replicas: Annotated[int, Field(ge=1, strict=True)]
    max_replicas: Annotated[int, Field(ge=1, strict=True)]
    git_revision: LabelValue

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(f"min_replicas must not be greater than max_replicas, {self.max_replicas}")
        return self
