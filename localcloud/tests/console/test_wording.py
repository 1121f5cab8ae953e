"""How values are formatted for people."""

from __future__ import annotations

import datetime

import pytest
from google.cloud import aiplatform_v1 as v1

from localcloud.console import wording


@pytest.mark.parametrize(
    ("name", "words", "tone"),
    [
        ("PIPELINE_STATE_SUCCEEDED", "Succeeded", "good"),
        ("JOB_STATE_PARTIALLY_SUCCEEDED", "Partially succeeded", "idle"),
        ("FAILED", "Failed", "bad"),
        ("SKIPPED", "Skipped (cached)", "good"),
        ("NOT_TRIGGERED", "Not triggered", "idle"),
        ("PIPELINE_STATE_CANCELLING", "Cancelling", "busy"),
        ("JOB_STATE_PAUSED", "Paused", "stopped"),
    ],
)
def test_a_state_is_put_in_plain_words(name, words, tone):
    assert (wording.state(name), wording.tone(name)) == (words, tone)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "-"),
        (0, "0.0 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (61, "1 min 01 s"),
        (7260, "2 h 01 min"),
    ],
)
def test_a_length_of_time_is_put_in_units_that_fit(seconds, words):
    assert wording.span(seconds) == words


def test_a_time_is_given_in_utc():
    zone = datetime.timezone(datetime.timedelta(hours=2))

    assert wording.when(datetime.datetime(2026, 1, 2, 1, 0, tzinfo=zone)) == "2026-01-01 23:00:00 UTC"
    assert wording.when_ms("1000") == "1970-01-01 00:00:01 UTC"


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("Trainer", "Trainer"),
        ("latest_model-model-resolver", "latest_mode…el-resolver"),
    ],
)
def test_a_long_name_keeps_both_ends(name, fits):
    assert wording.short(name) == fits


def test_json_in_a_string_is_read_and_whole_numbers_are_integers():
    artifact = v1.Artifact(metadata={"a": 3.0, "b": '{"list": ["[1]", "{not json"]}', "c": 0.5, "d": "[text"})

    assert wording.plain(artifact, "metadata") == {
        "a": 3,
        "b": {"list": [[1], "{not json"]},
        "c": 0.5,
        "d": "[text",
    }
