"""Operator that lets a run go on to the rollout only with a model that was found good enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from vertex_mlops.links.model_card import ModelCardLink
from vertex_mlops.pipeline_jobs import NOT_JUDGED, PipelineResult
from vertex_mlops.task_results import ResultsMixin

if TYPE_CHECKING:
    from airflow.sdk import Context


class BlessedModelGateOperator(ResultsMixin, BaseOperator):
    """
    Skip the rollout, with the reason, unless the pipeline has blessed its model.

    It makes no call to Google. A model that was not blessed, or of which too few rows allow no verdict, is no
    failure: the data has been seen, and the champion stays.

    .. seealso::
        https://www.tensorflow.org/tfx/guide/evaluator

    :param pipeline_result: What RunPipelineJobOnceOperator returned (templated).
    :return: the ``metrics`` of the model, and those of the champion.
    :raises AirflowSkipException: the model was not blessed; the message holds the reason.
    :raises MissingResultError: the task that runs the pipeline job has left no result.
    """

    template_fields = ("pipeline_result",)
    operator_extra_links = (ModelCardLink(),)

    def __init__(self, *, pipeline_result: PipelineResult, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline_result = pipeline_result

    @property
    def extra_links_params(self) -> dict[str, Any]:
        """What the links need besides what they are given: nothing."""
        return {}

    def execute(self, context: Context) -> dict[str, Any]:
        result = self.pipeline_result
        ModelCardLink.persist(context=context, uri=result["model_card"])
        if not result["blessed"]:
            # the result of a run from before the pipeline told its verdict has none
            verdict = NOT_JUDGED if result.get("verdict") == NOT_JUDGED else "not blessed"
            reason = f"{verdict}: {result['reason'] or 'the pipeline gives no reason'}; the champion stays"
            context["ti"].xcom_push(key="skipped_because", value=reason)
            raise AirflowSkipException(reason)
        self.log.info("Blessed: %s", result.get("evidence") or "the pipeline gives no evidence")
        self.log.info("Metrics: %s", result["metrics"])
        return {"metrics": result["metrics"]}
