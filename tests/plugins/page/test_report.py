"""Three questions, answered at a glance."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from vertex_mlops.page.readings import Reading, Readings, Service, Table, Version
from vertex_mlops.page.report import ModelReport, Tile, age, make_report, role_of

from tests.plugins.page.made_readings import (
    DATA_VERSION,
    MODEL,
    NOW,
    airflow_run,
    distance,
    monitoring,
    readings,
    training,
    version,
)


def report(of: Readings) -> ModelReport:
    return make_report(MODEL, of, [], [])


def tiles(**changes: Any) -> tuple[Tile, Tile, Tile]:
    service, data, drift = report(readings(**changes)).tiles
    return service, data, drift


def serving(*versions: Version, url: str | None = "https://console/e") -> Reading[Service]:
    return Reading(Service("wine-white", url, "", list(versions)))


@pytest.mark.parametrize(
    ("service", "level", "answer", "words"),
    [
        (serving(version(1, "champion", traffic=100)), "ok", "Version 1", "champion, all traffic"),
        (serving(url=None), "unknown", "No model serves", "no endpoint yet"),
        (serving(version(1)), "unknown", "No model serves", "no traffic"),
        (serving(version(1, "champion")), "bad", "No model serves", "no traffic"),
        (
            serving(version(2, traffic=10), version(1, "champion", traffic=90)),
            "warn",
            "Version 1 and a challenger",
            "version 2 gets 10 %",
        ),
        (serving(version(2, traffic=100), version(1, "champion")), "warn", "Version 2", "not the champion"),
        (Reading(None, "PermissionDenied: 403"), "unknown", "Unknown", "see the error below"),
    ],
)
def test_it_says_which_model_serves(service: Reading[Service], level: str, answer: str, words: str) -> None:
    tile, _, _ = tiles(service=service)

    assert (tile.level, tile.answer) == (level, answer)
    assert words in tile.detail


@pytest.mark.parametrize(
    ("trainings", "level", "answer"),
    [
        ([training()], "ok", "Up to date"),
        ([training(data_version=DATA_VERSION - 1)], "warn", "New data available"),
        ([training(state="RUNNING"), training(data_version=DATA_VERSION - 1)], "warn", "New data available"),
        # the data has been seen, although the model was not good enough
        ([training(blessed=False)], "ok", "Up to date"),
        ([training(state="FAILED")], "unknown", "Never trained"),
        # the freshness check passes over a label that is not a number, too
        (
            [training(data_version=None), training(data_version=DATA_VERSION - 1)],
            "warn",
            "New data available",
        ),
        ([], "unknown", "Never trained"),
    ],
)
def test_it_says_whether_the_newest_data_was_learned_from(trainings: Any, level: str, answer: str) -> None:
    _, tile, _ = tiles(trainings=Reading(trainings))

    assert (tile.level, tile.answer) == (level, answer)


def test_a_training_whose_result_no_task_has_taken_does_not_count() -> None:
    earlier, marked = airflow_run(1), airflow_run(2, left_alone=True)
    trainings = [training(marked), training(earlier, data_version=DATA_VERSION - 1)]

    tile = make_report(MODEL, readings(trainings=Reading(trainings)), [marked, earlier], []).tiles[1]

    assert (tile.level, tile.answer) == ("warn", "New data available")


def test_freshness_is_unknown_if_either_side_is() -> None:
    for broken in ({"table": Reading(None, "boom")}, {"trainings": Reading(None, "boom")}):
        _, tile, _ = tiles(**broken)

        assert (tile.level, tile.answer) == ("unknown", "Unknown")


@pytest.mark.parametrize(
    ("watched", "level", "answer"),
    [
        (Reading(None), "unknown", "Not monitored"),
        (Reading(None, "boom"), "unknown", "Unknown"),
        (Reading(monitoring()), "unknown", "Not known yet"),
        (Reading(monitoring(distance("ph", 0.3))), "ok", "No drift"),
        (Reading(monitoring(distance("ph", 0.1), state="PAUSED")), "warn", "Monitoring is paused"),
        (
            Reading(monitoring(distance("ph", 0.4), distance("alcohol", 0.5), distance("chlorides", 0.1))),
            "bad",
            "Drifting: alcohol, ph",
        ),
        (
            # what is measured are requests that name their features, maybe the rollout's own alone
            Reading(monitoring(distance("ph", 0.1), features_seen=False)),
            "warn",
            "Cannot tell",
        ),
        (Reading(monitoring(features_seen=False)), "warn", "Cannot tell"),
        (Reading(monitoring(distance("ph", 0.4), features_seen=False)), "bad", "Drifting: ph"),
        (
            # an alert of the past is no drift of now
            Reading(monitoring(distance("ph", 0.1), distance("ph", 0.9, end=NOW - timedelta(hours=5)))),
            "ok",
            "No drift",
        ),
    ],
)
def test_it_says_whether_the_requests_drift(watched: Any, level: str, answer: str) -> None:
    _, _, tile = tiles(monitoring=watched)

    assert (tile.level, tile.answer) == (level, answer)


def test_each_version_has_a_role() -> None:
    versions = [
        version(6),
        version(5, traffic=10),
        version(4, "champion", traffic=90),
        version(3, "previous"),
        version(2, deployed_model_id="102"),
        version(1),
    ]

    roles = [role_of(one, versions) for one in versions]

    assert roles == ["rolled back", "challenger", "champion", "previous", "deployed", ""]


def test_a_version_has_the_figures_of_the_job_that_made_it_and_leads_to_its_run() -> None:
    run = airflow_run(1)
    jobs = [training(run, metrics={"mad": 0.5, "auc": 0.8})]
    of = readings(trainings=Reading(jobs))

    shown = make_report(MODEL, of, [run], [])

    (row,) = shown.versions
    assert shown.metric_titles == ["AUC", "MAD"]
    assert row.figures == ["0.800", "0.500"]
    assert row.event is not None
    assert row.event.run_id == run.run_id


def test_old_versions_are_left_out_but_never_the_champion() -> None:
    versions = [*(version(number) for number in range(30, 1, -1)), version(1, "champion", traffic=100)]

    shown = [row.version.id for row in report(readings(service=serving(*versions))).versions]

    assert shown[0] == "30"
    assert shown[-1] == "1"
    assert len(shown) < 10


def test_a_model_whose_every_section_fails_is_still_shown() -> None:
    broken: Any = Reading(None, "boom")

    shown = report(readings(table=broken, trainings=broken, service=broken, monitoring=broken))

    assert shown.name == MODEL.dag_id
    assert {tile.level for tile in shown.tiles} == {"unknown"}
    assert shown.traffic is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "just now"), (59, "just now"), (60, "1 minute ago"), (7200, "2 hours ago"), (90_000, "1 day ago")],
)
def test_an_age_is_told_in_its_largest_unit(seconds: int, words: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == words


def test_the_table_of_the_data_is_named_with_its_rows() -> None:
    _, tile, _ = tiles(table=Reading(Table(DATA_VERSION, 1_599, "https://console/table")))

    assert "1,599 rows" in tile.detail
