"""A SavedModel behind TensorFlow Serving's REST API."""

from __future__ import annotations

import base64
import math
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from tests.vertex.worker.processes import MODULES

from localcloud.config import Settings
from localcloud.testing import eventually
from localcloud.vertex.worker.errors import ReplicaFailedError
from localcloud.vertex.worker.pool import Replica, WorkerPool

MODEL = "/v1/models/model"


@pytest.fixture(scope="module")
def serving_pool(pipeline_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerPool]:
    state = tmp_path_factory.mktemp("serving")
    pool = WorkerPool(Settings(state=state, pipeline_python=pipeline_python), {})
    yield pool
    pool.stop()


@pytest.fixture(scope="module")
def replica(serving_pool: WorkerPool, saved_model: Path) -> Replica:
    return serving_pool.start_replica(str(saved_model), "calculator")


def ask(replica: Replica, body: Any) -> tuple[int, Any]:
    response = urllib3.request("POST", f"{replica.url}{MODEL}:predict", json=body)
    return response.status, response.json()


def test_a_loaded_model_says_that_it_is_available(replica):
    status = urllib3.request("GET", f"{replica.url}{MODEL}").json()["model_version_status"][0]

    assert status["state"] == "AVAILABLE"


def test_one_input_and_one_output_are_bare_values(replica):
    assert ask(replica, {"instances": ["ab", "abc"]}) == (200, {"predictions": [2, 3]})


def test_bytes_come_in_base64(replica):
    coded = base64.b64encode(b"\x00\xff\x00").decode()

    assert ask(replica, {"instances": [{"b64": coded}]}) == (200, {"predictions": [3]})


def test_one_input_may_also_be_named(replica):
    assert ask(replica, {"instances": [{"text": "ab"}]}) == (200, {"predictions": [2]})


def test_several_outputs_are_objects_in_the_digits_of_their_type(replica):
    body = {"signature_name": "compare", "instances": [{"left": [1.1], "right": [0.2]}]}

    assert ask(replica, body) == (200, {"predictions": [{"sum": [1.3000001], "difference": [0.90000004]}]})


def test_values_that_are_not_finite_go_in_and_out_as_tensorflow_serving_has_them(replica):
    body = {"signature_name": "compare", "instances": [{"left": [math.nan], "right": [math.inf]}]}

    status, answer = ask(replica, body)

    (row,) = answer["predictions"]
    assert status == 200
    assert math.isnan(row["sum"][0])
    assert math.isnan(row["difference"][0])


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"signature_name": "x", "instances": ["a"]},
            'Serving signature name: "x" not found in signature def',
        ),
        *(
            (
                {"signature_name": name, "instances": ["a"]},
                f'JSON Value: {{"signature_name": {written}, "instances": ["a"]}} not formatted correctly. '
                "'signature_name' key must be a string value.",
            )
            for name, written in ((None, "null"), (["x"], '["x"]'), (1, "1"))
        ),
        (
            {"signature_name": "compare", "instances": [{"left": [1.0]}]},
            "Failed to process element: 0 of 'instances' list. JSON object: {\"left\": [1.0]}"
            " must only have keys: left,right",
        ),
        (
            {"signature_name": "compare", "instances": [{"left": ["a"], "right": [1.0]}]},
            "Failed to process element: 0 key: left of 'instances' list. Error: INVALID_ARGUMENT:"
            ' JSON Value: "a" is not of expected type: float32',
        ),
        (
            {"signature_name": "compare", "instances": [{"left": [1, 2], "right": [1]}]},
            "Input left: expecting shape (None, 1) but got (1, 2)",
        ),
        (
            {"signature_name": "compare", "instances": [1.0]},
            "instances is a plain list, but expecting list of objects as ['left', 'right']",
        ),
        ({"instances": ["a", {"text": "b"}]}, "Expecting value/list but got object at item 1 of input list"),
        ({"instances": []}, "Expecting 'instances' value to be a non-empty list"),
        ({"inputs": ["a"]}, "Missing 'instances' key: only the row format is served here"),
    ],
)
def test_a_request_that_does_not_fit_is_refused_in_tensorflow_servings_words(replica, body, message):
    assert ask(replica, body) == (400, {"error": message})


def test_a_body_that_is_no_json_is_refused(replica):
    response = urllib3.request("POST", f"{replica.url}{MODEL}:predict", body=b"{")

    assert response.status == 400
    assert response.json()["error"].startswith("JSON Parse error")


def test_a_folder_without_a_model_fails_with_the_loaders_words(serving_pool, tmp_path):
    with pytest.raises(ReplicaFailedError, match="SavedModel file does not exist"):
        serving_pool.start_replica(str(tmp_path), "nothing")


@pytest.fixture(scope="module")
def unservable(pipeline_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of SavedModels that TensorFlow Serving cannot use, and of a valid one."""
    folder = tmp_path_factory.mktemp("unservable")
    subprocess.run([pipeline_python, MODULES / "save_unservable_models.py", folder], check=True)
    return folder


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("another_tag", "MetaGraphDef associated with tags 'serve' could not be found"),
        ("no_signatures", "has no signatures to serve"),
        ("unknown_operation", "Op type not registered 'YetToCome'"),
        ("no_variables", "not a valid checkpoint"),
    ],
)
def test_a_model_that_cannot_be_loaded_into_a_session_fails(serving_pool, unservable, model, message):
    with pytest.raises(ReplicaFailedError, match=message):
        serving_pool.start_replica(str(unservable / model), model)


def test_a_signature_that_reads_variables_which_are_not_restored_cannot_answer(serving_pool, unservable):
    body = {"instances": [[3.0]]}
    sound = serving_pool.start_replica(str(unservable / "sound"), "sound")
    copied = serving_pool.start_replica(str(unservable / "keras_model"), "keras-model")

    assert ask(sound, body) == (200, {"predictions": [[6.0]]})
    status, answer = ask(copied, body)
    assert status == 400
    assert answer["error"].startswith("Could not find variable sequential/dense/")


def test_a_stopped_replica_is_not_alive(serving_pool, saved_model):
    replica = serving_pool.start_replica(str(saved_model), "short-lived")
    assert replica.alive

    replica.stop()

    assert not replica.alive


def test_a_replica_whose_worker_was_stopped_is_not_alive(pipeline_python, saved_model, tmp_path):
    pool = WorkerPool(Settings(state=tmp_path, pipeline_python=pipeline_python), {})
    replica = pool.start_replica(str(saved_model), "orphan")

    pool.stop()

    eventually(lambda: not replica.alive)
