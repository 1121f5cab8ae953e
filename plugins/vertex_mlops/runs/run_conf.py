"""Check of a run's conf: it may only contain the params of its DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vertex_mlops.contract.config.problems import nearest
from vertex_mlops.exceptions import RunConfError

if TYPE_CHECKING:
    from airflow.sdk import Context


def refuse_unknown_conf(context: Context) -> None:
    """
    Fail if the run's conf has a key that is no param: give it to the first tasks as ``pre_execute``.

    Airflow validates the params that it knows and takes any other key without a word: a run that was meant
    to be dry would be a real one. See ``deep_merge`` in
    https://github.com/apache/airflow/blob/main/airflow-core/src/airflow/serialization/definitions/param.py
    and ``process_params`` in
    https://github.com/apache/airflow/blob/main/task-sdk/src/airflow/sdk/definitions/param.py.

    :param context: the task's context.
    :raises RunConfError: names each such key, and the nearest param.
    """
    task: Any = context["task"]
    conf = context["dag_run"].conf or {}
    known = sorted({*task.dag.params, *task.params})
    if unknown := [key for key in conf if key not in known]:
        named = ", ".join(_words(key, known) for key in unknown)
        takes = f"takes {', '.join(known)}" if known else "takes none"
        raise RunConfError(f"conf of the run: unknown key {named}; {task.dag.dag_id} {takes}")


def _words(key: str, known: list[str]) -> str:
    near = nearest(key, known)
    return f"{key!r} (did you mean {near!r}?)" if near else repr(key)
