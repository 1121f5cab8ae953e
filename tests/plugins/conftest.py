"""What an operator finds around it when Airflow runs it, as far as these operators look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.plugins.airflow_environment import isolate_airflow

isolate_airflow()


@dataclass
class TaskInstance:
    """A task instance that keeps its XComs to itself."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    xcoms: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


@pytest.fixture
def context_of() -> Callable[..., Any]:
    """Make the context in which Airflow would execute an operator."""

    def make(operator: Any, run_id: str = "manual__2026-01-01T00:00:00+00:00") -> Any:
        dag_id = operator.dag.dag_id if operator.has_dag() else "adhoc"
        ti = TaskInstance(dag_id=dag_id, run_id=run_id, task_id=operator.task_id)
        return {"ti": ti, "task": operator, "params": {}}

    return make
