"""The component that says what a new model is compared with: the champion, or the majority."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from absl import logging  # type: ignore[import-not-found]
from google.api_core.exceptions import NotFound
from google.cloud import aiplatform_v1
from tfx import types
from tfx.dsl.components.base import base_component, base_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts
from tfx.types.component_spec import ChannelParameter, ExecutionParameter
from tfx.utils import io_utils, path_utils
from vertex_mlops.contract.names import CHAMPION_ALIAS
from vertex_mlops.contract.reported import CHAMPION_VERSION

from wine_pipeline.evaluation.majority import count_majority, export_majority
from wine_pipeline.vertex.vertex_calls import AGAIN, ANSWER_SECONDS, client_options

CHAMPION = "champion"
"""What the baseline is, in its property :data:`KIND`."""
MAJORITY = "majority"
KIND = "kind"

_EXAMPLES = "examples"
_BLESSED = "latest_blessed"
_BASELINE = "baseline"
_REGISTERED = "registered_model"


class ChampionGoneError(LookupError):
    """The champion has no files, so nothing can be compared with it."""


Artifacts = Mapping[str, list[types.Artifact]]


@dataclass(frozen=True)
class Champion:
    """
    The model that serves.

    :param folder: of its SavedModel, local or gs://.
    :param version: its resource name in the registry, like ``.../models/m@3``; empty for one that a Resolver
        found.
    """

    folder: str
    version: str = ""


class BaselineSpec(types.ComponentSpec):
    """What a BaselineModel is made of."""

    PARAMETERS = {_REGISTERED: ExecutionParameter(type=str)}  # noqa: RUF012 (TFX reads the class attribute)
    INPUTS = {  # noqa: RUF012
        _EXAMPLES: ChannelParameter(type=standard_artifacts.Examples),
        _BLESSED: ChannelParameter(type=standard_artifacts.Model, optional=True),
    }
    OUTPUTS = {_BASELINE: ChannelParameter(type=standard_artifacts.Model)}  # noqa: RUF012


class Executor(base_executor.BaseExecutor):
    """Copy the champion, or export a model that always says the majority of the split `train`."""

    def Do(  # noqa: N802 (TFX's name)
        self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: Mapping[str, Any]
    ) -> None:
        """
        Write the baseline.

        :param input_dict: ``examples``, and ``latest_blessed`` if there is one.
        :param output_dict: ``baseline``.
        :param exec_properties: ``registered_model``.
        :raises ChampionGoneError: if the champion's files have been deleted.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        baseline = artifact_utils.get_single_instance(output_dict[_BASELINE])
        champion = find_champion(exec_properties[_REGISTERED], input_dict.get(_BLESSED, []))
        target = path_utils.serving_model_dir(baseline.uri)
        if champion:
            logging.info("The champion is %s", champion)
            if not fileio.exists(f"{champion.folder}/saved_model.pb"):
                raise ChampionGoneError(f"the champion has no files in {champion.folder}")
            io_utils.copy_dir(champion.folder, target)
        else:
            train = artifact_utils.get_split_uri(input_dict[_EXAMPLES], "train")
            majority = count_majority(f"{train}/*")
            logging.info("There is no champion; the majority is %s", majority)
            export_majority(majority, target)
        baseline.set_string_custom_property(KIND, CHAMPION if champion else MAJORITY)
        baseline.set_string_custom_property(CHAMPION_VERSION, champion.version if champion else "")


class BaselineModel(base_component.BaseComponent):
    """
    Provide the model that a new one must not be worse than, for an Evaluator.

    That is the version which the registry calls champion. If the registry does not know the model at all, or
    is not asked, it is the latest blessed one; without one it is a model that always says the majority.

    Component ``outputs`` contains:
     - ``baseline``: Channel of type ``standard_artifacts.Model``, whose property ``kind`` tells ``champion``
       from ``majority``, and ``champion_version`` names the champion's version in the registry.
    """

    SPEC_CLASS = BaselineSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(Executor)

    def __init__(
        self, *, examples: types.BaseChannel, latest_blessed: types.BaseChannel, registered_model: str
    ) -> None:
        """
        :param examples: have the split `train`.
        :param latest_blessed: of a Resolver; may find none.
        :param registered_model: resource name of a model of Vertex AI; empty if the rollout gives no aliases.
        """
        spec = BaselineSpec(
            examples=examples,
            latest_blessed=latest_blessed,
            registered_model=registered_model,
            baseline=types.Channel(type=standard_artifacts.Model),
        )
        super().__init__(spec=spec)


def find_champion(registered_model: str, latest_blessed: list[types.Artifact]) -> Champion | None:
    """
    Return the champion; None if there is none.

    :param registered_model: resource name of a model of Vertex AI; empty if it is not to be asked.
    :param latest_blessed: what a Resolver found.
    """
    if registered_model:
        region = registered_model.split("/")[3]
        client = aiplatform_v1.ModelServiceClient(client_options=client_options(region))
        if _get(client, registered_model):
            champion = _get(client, f"{registered_model}@{CHAMPION_ALIAS}")
            if not champion:
                return None
            # the name in an answer bears no version, or the alias that was asked for
            name = champion.name.partition("@")[0]
            return Champion(champion.artifact_uri, f"{name}@{champion.version_id}")
    if latest_blessed:
        (model,) = latest_blessed
        return Champion(path_utils.serving_model_path(model.uri, path_utils.is_old_model_artifact(model)))
    return None


def _get(client: aiplatform_v1.ModelServiceClient, name: str) -> aiplatform_v1.Model | None:
    try:
        return client.get_model(name=name, retry=AGAIN, timeout=ANSWER_SECONDS)
    except NotFound:
        return None
