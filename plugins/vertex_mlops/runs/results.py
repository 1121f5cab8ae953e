"""What an operator does without a result that a task before it should have left, and how it skips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.sdk import XComArg
from airflow.sdk.exceptions import AirflowSkipException

from vertex_mlops.exceptions import MissingResultError

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context

_RESULT = "return_value"


class ResultsMixin:
    """
    Mixin of operators that take results of upstream tasks: each fails with a line that names a missing one.

    A task that is marked success by hand, also while it is deferred, leaves no XCom. Airflow puts None in
    place of each argument that refers to one: see ``PlainXComArg.resolve`` in
    https://github.com/apache/airflow/blob/main/task-sdk/src/airflow/sdk/definitions/xcom_arg.py, which does
    so for the return value and for each key of a task with ``multiple_outputs``. A text that pulls an XCom by
    Jinja becomes the word None. Airflow templates an operator that is itself mapped by ``expand`` in another
    way, without this check.
    """

    # templated arguments for which None is an answer, too
    optional_results: ClassVar[tuple[str, ...]] = ()

    def render_template_fields(self, context: Context, jinja_env: jinja2.Environment | None = None) -> None:
        """
        Render all template fields, and check that no result is missing.

        :param context: the task's context.
        :param jinja_env: environment to render with.
        :raises MissingResultError: names each missing result, and the task that should have left it.
        """
        operator: Any = self
        names = [name for name in operator.template_fields if name not in self.optional_results]
        before = {name: getattr(self, name, None) for name in names}
        super().render_template_fields(context, jinja_env)  # type: ignore[misc]
        # one that comes back from a deferral has used them, and the tasks before may run again meanwhile
        if _is_resumed(context):
            return
        after = {name: getattr(self, name, None) for name in names}
        if missing := list(dict.fromkeys(_missing(before, after))):
            raise MissingResultError(f"{'; '.join(missing)}: {_WHY}")


_WHY = "a task that was marked success by hand leaves none; see its log, or clear it and its downstream tasks"


def _is_resumed(context: Context) -> bool:
    # Airflow tells the worker in no public way: see _execute_task in
    # https://github.com/apache/airflow/blob/main/task-sdk/src/airflow/sdk/execution_time/task_runner.py
    told = getattr(context.get("ti"), "_ti_context_from_server", None)
    return bool(getattr(told, "next_method", None))


def result_entry(result: Mapping[str, Any], key: str) -> Any:
    """
    Read an entry of the result of a pipeline job.

    :param result: a :class:`vertex_mlops.runs.pipeline_results.PipelineResult`.
    :param key: key of the entry.
    :return: the entry.
    :raises MissingResultError: the job has left nothing there.
    """
    if not (value := result.get(key)):
        raise MissingResultError(f"{result.get('name') or 'the pipeline job'} has left no {key}")
    return value


def skip(context: Context, reason: str) -> NoReturn:
    """
    Skip the task and its downstream tasks; the XCom ``skipped_because`` has the reason.

    :param context: the task's context.
    :param reason: one line.
    :raises AirflowSkipException: always.
    """
    context["ti"].xcom_push(key="skipped_because", value=reason)
    raise AirflowSkipException(reason)


def _missing(before: Any, after: Any) -> Iterator[str]:
    """Yield a line for each reference in a value that has become None."""
    if isinstance(before, XComArg):
        if after is None:
            yield from (_words(operator.task_id, key) for operator, key in before.iter_references())
    elif isinstance(before, dict):
        for key, value in before.items():
            yield from _missing(value, after[key])
    elif isinstance(before, (list, tuple)):
        for one, other in zip(before, after, strict=True):
            yield from _missing(one, other)
    elif isinstance(before, str) and "xcom_pull" in before and after in (None, "None"):
        yield f"there is no result for {before}"


def _words(task_id: str, key: str) -> str:
    what = "no result" if key == _RESULT else f"no {key!r} in its result"
    return f"task {task_id} has left {what}"
