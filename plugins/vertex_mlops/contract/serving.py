"""What the compiled pipeline file says about how its model is served."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from vertex_mlops.compiled_pipeline import SERVING, part_of_file, part_of_job

if TYPE_CHECKING:
    from google.cloud.aiplatform_v1.types import PipelineJob


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
    The ``serving`` that a pipeline was compiled with.

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

    @classmethod
    def from_spec(cls, text: str | bytes, uri: str) -> ServingSpec:
        """
        Read it out of a compiled pipeline file.

        :param text: content of the file.
        :param uri: where it came from, for the error message.
        :raises SpecError: the text is no JSON object with a valid ``serving``.
        """
        return part_of_file(cls, SERVING, text, uri)

    @classmethod
    def from_job(cls, job: PipelineJob) -> ServingSpec:
        """
        Read what a pipeline job was compiled with.

        :param job: as GetPipelineJob gives it.
        :raises SpecError: the job carries none.
        """
        return part_of_job(cls, SERVING, job)
