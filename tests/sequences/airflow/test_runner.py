"""The runner behaves like Airflow's scheduler and workers, on small DAGs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.providers.standard.triggers.temporal import DateTimeTrigger
from airflow.sdk import DAG, BaseOperator, TriggerRule
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, AirflowSkipException

from tests.sequences.airflow.runner import Airflow
from tests.sequences.airflow.runs import FAILED, SKIPPED, SUCCESS, UPSTREAM_FAILED, Run

Do = Callable[[Any, int], Any]


class Act(BaseOperator):
    """
    An operator that calls a function of the test.

    :param do: takes the context, and the number of the execution.
    :param given: of the task before.
    """

    template_fields = ("given",)

    def __init__(self, *, do: Do = lambda context, number: None, given: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.do = do
        self.given = given

    def execute(self, context: Any) -> Any:
        calls = CALLS.setdefault(self.task_id, [])
        calls.append((context["ti"].try_number, self.given))
        return self.do(context, len(calls))

    def resume(self, context: Any, event: Any) -> Any:
        return f"resumed: {type(event).__name__}"


CALLS: dict[str, list[tuple[int, Any]]] = {}


@pytest.fixture(autouse=True)
def forget() -> None:
    CALLS.clear()


def fails(context: Any, number: int) -> Any:
    raise ValueError("it fails")


def finish(dag: DAG) -> tuple[Airflow, Run]:
    airflow = Airflow({dag.dag_id: dag})
    run = airflow.add(Run(dag, "run_1"))
    end(airflow, run)
    return airflow, run


def end(airflow: Airflow, run: Run) -> None:
    while ready := run.ready():
        airflow.step(run, ready[0])


def test_what_comes_behind_a_failure_goes_by_its_trigger_rule() -> None:
    with DAG("rules", schedule=None) as dag:
        first, broken, after = Act(task_id="first"), Act(task_id="broken", do=fails), Act(task_id="after")
        way_back = Act(task_id="way_back", trigger_rule=TriggerRule.ONE_FAILED)
        unneeded = Act(task_id="unneeded", trigger_rule=TriggerRule.ONE_FAILED)
        teardown = Act(task_id="teardown").as_teardown(setups=first)
        teardown.trigger_rule = TriggerRule.ALL_DONE
        first >> broken >> after
        broken >> way_back
        first >> unneeded

    _, run = finish(dag)

    assert run.states == {
        "first": SUCCESS,
        "broken": FAILED,
        "after": UPSTREAM_FAILED,
        "way_back": SUCCESS,
        "unneeded": SKIPPED,
        "teardown": SUCCESS,
    }
    assert run.state == FAILED


def test_a_skipped_task_skips_what_is_behind_it_and_the_run_is_green() -> None:
    def skips(context: Any, number: int) -> Any:
        raise AirflowSkipException("no need")

    with DAG("skips", schedule=None) as dag:
        Act(task_id="first", do=skips) >> Act(task_id="last")

    _, run = finish(dag)

    assert (run.states, run.state) == ({"first": SKIPPED, "last": SKIPPED}, SUCCESS)


def test_results_reach_the_next_task_by_their_keys() -> None:
    with DAG("results", schedule=None) as dag:
        first = Act(task_id="first", multiple_outputs=True, do=lambda context, number: {"a": 1, "b": [2]})
        Act(task_id="last", given={"a": first.output["a"], "all": first.output})

    finish(dag)

    assert CALLS["last"] == [(1, {"a": 1, "all": {"a": 1, "b": [2]}})]


def test_a_task_is_tried_again_and_its_xcoms_are_new() -> None:
    def pushes(context: Any, number: int) -> Any:
        context["ti"].xcom_push(key=f"of_{number}", value=number)
        if number < 3:
            raise ValueError("not yet")

    with DAG("retries", schedule=None) as dag:
        Act(task_id="first", do=pushes, retries=2)

    airflow, run = finish(dag)

    assert CALLS["first"] == [(1, None), (2, None), (3, None)]
    assert run.xcoms == {("first", "of_3"): 3}
    assert [str(error) for _, _, error in airflow.errors] == ["not yet", "not yet"]


@pytest.mark.parametrize(("error", "tries"), [(ValueError, 2), (AirflowFailException, 1)])
def test_tries_have_an_end(error: type[Exception], tries: int) -> None:
    def raises(context: Any, number: int) -> Any:
        raise error("no")

    with DAG("ends", schedule=None) as dag:
        Act(task_id="first", do=raises, retries=1)

    _, run = finish(dag)

    assert (run.state, len(CALLS["first"])) == (FAILED, tries)


def test_a_reschedule_is_no_try_and_tells_when_the_first_was() -> None:
    begun: list[Any] = []

    def waits(context: Any, number: int) -> Any:
        begun.append(context["ti"].get_first_reschedule_date(context))
        if number < 3:
            raise AirflowRescheduleException(datetime.now(UTC))

    with DAG("reschedules", schedule=None) as dag:
        Act(task_id="first", do=waits)

    finish(dag)

    assert CALLS["first"] == [(1, None)] * 3
    assert begun[0] is None
    assert begun[1] == begun[2] != None  # noqa: E711 (both are moments)


def test_a_deferred_task_goes_on_with_what_its_trigger_has_seen() -> None:
    def defers(context: Any, number: int) -> Any:
        context["ti"].xcom_push(key="kept", value=1)
        moment = datetime.now(UTC) - timedelta(seconds=1)
        context["task"].defer(trigger=DateTimeTrigger(moment=moment), method_name="resume")

    with DAG("deferrals", schedule=None) as dag:
        Act(task_id="first", do=defers)

    _, run = finish(dag)

    assert run.state == SUCCESS
    assert run.result("first", "kept") == 1
    assert str(run.result("first")).startswith("resumed: ")


def test_a_task_that_is_cleared_has_all_its_retries_again() -> None:
    with DAG("clears", schedule=None) as dag:
        Act(task_id="first", do=fails, retries=1) >> Act(task_id="last")
    airflow, run = finish(dag)

    airflow.clear(run, ["first", "last"])
    end(airflow, run)

    assert [number for number, _ in CALLS["first"]] == [1, 2, 3, 4]
    assert run.states == {"first": FAILED, "last": UPSTREAM_FAILED}


def test_what_failed_behind_a_task_that_is_marked_success_runs() -> None:
    with DAG("marks", schedule=None) as dag:
        Act(task_id="first", do=fails) >> Act(task_id="last")
    airflow, run = finish(dag)

    airflow.mark(run, "first", SUCCESS)
    end(airflow, run)

    assert (run.states, run.result("first")) == ({"first": SUCCESS, "last": SUCCESS}, None)


def test_a_second_run_of_a_dag_waits_for_the_first() -> None:
    with DAG("queues", schedule=None) as dag:
        Act(task_id="first")
    airflow = Airflow({"queues": dag})
    first, second = airflow.add(Run(dag, "run_1")), airflow.add(Run(dag, "run_2"))

    assert airflow.running() == [first]
    end(airflow, first)
    assert airflow.running() == [second]


def test_a_rule_that_is_not_known_is_named() -> None:
    with DAG("unknown", schedule=None) as dag:
        Act(task_id="first") >> Act(task_id="last", trigger_rule=TriggerRule.ONE_DONE)

    with pytest.raises(NotImplementedError, match="last has the trigger rule one_done"):
        finish(dag)
