"""Operator that skips the rollout unless the model is good enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vertex_mlops.contract.names import CHAMPION_ALIAS
from vertex_mlops.contract.reported import NOT_BLESSED, NOT_JUDGED
from vertex_mlops.links.model_card import ModelCardLink
from vertex_mlops.operators.rollout.base import ModelRegistryBaseOperator
from vertex_mlops.rollout.deployed_models import same_version, version_name
from vertex_mlops.runs.pipeline_jobs import resource_id
from vertex_mlops.runs.pipeline_results import PipelineResult
from vertex_mlops.runs.results import skip

if TYPE_CHECKING:
    from airflow.sdk import Context


class BlessedModelGateOperator(ModelRegistryBaseOperator):
    """
    Skip the rollout, with the reason, unless the pipeline has blessed its model against the current champion.

    If the model was not blessed, or there are too few rows for a verdict, the task is skipped: the data
    counts as seen, and the champion stays. A verdict is valid for one champion only: if the registry has
    another one, the task is skipped, too. If the champion is the model of this pipeline job, it was rolled
    out before, and the run continues.

    A model that was compared with no version of the registry passes: DeployModelVersionOperator, which knows
    the model's name, checks that there is no champion.

    .. seealso::
        https://www.tensorflow.org/tfx/guide/evaluator

    :param project_id: The ID of the Google Cloud project of the model (templated).
    :param region: The ID of the Google Cloud region of the model (templated).
    :param pipeline_result: Result of RunPipelineJobOnceOperator (templated).
    :param gcp_conn_id: The connection ID to use connecting to Google Cloud (templated).
    :param impersonation_chain: Optional service account to impersonate using short-term credentials, or
        chained list of accounts required to get the access_token of the last account in the list, which
        will be impersonated in the request (templated).
    :return: the ``metrics`` of the model, and those of the champion, and the ``champion_version`` that it was
        compared with.
    :raises AirflowSkipException: the model was not blessed, or compared with another champion; the message
        has the reason.
    :raises MissingResultError: the task that runs the pipeline job has no result.
    """

    template_fields = ("region", "project_id", "pipeline_result", "impersonation_chain", "gcp_conn_id")
    operator_extra_links = (ModelCardLink(),)

    def __init__(self, *, pipeline_result: PipelineResult, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline_result = pipeline_result

    def execute(self, context: Context) -> dict[str, Any]:
        result = self.pipeline_result
        ModelCardLink.persist(context=context, uri=result["model_card"])
        if not result["blessed"]:
            # the result of a run from before the pipeline told its verdict has none
            verdict = NOT_JUDGED if result.get("verdict") == NOT_JUDGED else NOT_BLESSED
            reason = f"{verdict}: {result['reason'] or 'the pipeline reports no reason'}; the champion stays"
            skip(context, reason)
        # a run from before the pipeline told it has none
        compared = result.get("champion_version")
        if compared:
            self._check_champion(context, compared)
        self.log.info("Blessed: %s", result.get("evidence") or "the pipeline reports no evidence")
        self.log.info("Metrics: %s", result["metrics"])
        return {"metrics": result["metrics"], "champion_version": compared}

    def _check_champion(self, context: Context, compared: str) -> None:
        champion = self.version(compared, CHAMPION_ALIAS)
        if champion and (
            same_version(version_name(champion), compared)
            or resource_id(champion.version_description) == resource_id(self.pipeline_result["name"])
        ):
            return
        found = version_name(champion) if champion else "no version"
        skip(
            context,
            f"blessed against {compared}, but by now the champion is {found}: trigger a new run with force to"
            " compare with that",
        )
