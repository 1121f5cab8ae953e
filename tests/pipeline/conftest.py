from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.testing import Cloud
from tests.pipeline.wine_examples import REPOSITORY, Artifacts, Row, read_uci

# These tests belong to the pipeline's own environment: pipeline/.venv/bin/python -m pytest tests/pipeline
if importlib.util.find_spec("tfx") is None:
    collect_ignore_glob = ["**/test_*.py"]


@pytest.fixture(scope="session")
def wine_rows() -> list[Row]:
    return read_uci("white")[::4]


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory, wine_rows: list[Row]) -> Artifacts:
    from tests.pipeline import stages

    root = tmp_path_factory.mktemp("artifacts")
    made = Artifacts(root / "examples", root / "transformed", root / "transform_graph")
    stages.write_examples(wine_rows, made.examples)
    stages.transform(wine_rows, made.transformed, made.transform_graph)
    return made


@pytest.fixture(scope="session")
def statistics(artifacts: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return the tfx.ExampleStatistics of both splits."""
    from tests.pipeline import stages

    return stages.measure(artifacts.examples, tmp_path_factory.mktemp("statistics"))


@pytest.fixture(scope="session")
def train(artifacts: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a function that trains with the given settings and returns the model's folder."""
    from tests.pipeline import stages

    def run(**training: float) -> Path:
        model = tmp_path_factory.mktemp("model")
        stages.train(artifacts.transformed, artifacts.transform_graph, model, training)
        return model

    return run


@pytest.fixture(scope="session")
def model(train: Callable[..., Path]) -> Path:
    """Return the model that the pipeline trains."""
    return train()


@pytest.fixture(scope="session")
def worse_model(train: Callable[..., Path]) -> Path:
    """Return a model that has hardly learnt anything: one landmark, and trees of two leaves."""
    return train(landmarks=1, leaves=2, rotations=1, trees_per_rotation=1)


@pytest.fixture(scope="session")
def majority(artifacts: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what BaselineModel makes where there is no champion."""
    from tests.pipeline import stages

    return stages.baseline(artifacts.examples, tmp_path_factory.mktemp("majority"))


@pytest.fixture(scope="session")
def judge(artifacts: Artifacts, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Return a function that runs the Evaluator on a model and its baseline."""
    from tests.pipeline import stages

    def run(config: Any, model: Path, baseline: Path, examples: Path | None = None) -> stages.Verdict:
        folder = tmp_path_factory.mktemp("verdict")
        return stages.evaluate(config, examples or artifacts.examples, model, folder, baseline)

    return run


@pytest.fixture(scope="session")
def first_verdict(judge: Callable[..., Any], model: Path, majority: Any) -> Any:
    """Return the verdict on a first model that is above its bounds."""
    from tests.pipeline import stages

    return judge(stages.REACHED, model, Path(majority.uri))


@pytest.fixture(scope="session")
def strict_verdict(judge: Callable[..., Any], model: Path, majority: Any) -> Any:
    """Return the verdict on a first model that misses two of its bounds."""
    from tests.pipeline import stages

    return judge(stages.STRICT, model, Path(majority.uri))


@pytest.fixture(scope="session")
def worse_verdict(judge: Callable[..., Any], model: Path, worse_model: Path) -> Any:
    """Return the verdict on a model that reaches its bounds and is worse than the champion."""
    from tests.pipeline import stages

    return judge(stages.LENIENT, worse_model, model)


@pytest.fixture(scope="session")
def make_localcloud(make_localcloud: Callable[..., Cloud]) -> Callable[..., Cloud]:
    """Return a function that makes a localcloud, which the pipeline's own environment does not hold."""

    def make(**fields: Any) -> Cloud:
        made = make_localcloud(**fields)
        made.python = REPOSITORY / ".venv" / "bin" / "python"
        return made

    return make


@pytest.fixture(scope="session")
def running_cloud(make_localcloud: Callable[..., Cloud]) -> Iterator[Cloud]:
    """Start the one localcloud of this process: gRPC reads the certificates of its authority only once."""
    with make_localcloud().running() as running:
        yield running


@pytest.fixture(scope="module")
def cloud(running_cloud: Cloud) -> Iterator[Cloud]:
    """Point the clients of this process at a localcloud, while a module runs."""
    with running_cloud.activated():
        yield running_cloud


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("WINE_"):
            monkeypatch.delenv(name)
