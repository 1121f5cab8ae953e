"""The bench of the Trainer: trainings on files that it writes, and what it says of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.trainer.__main__ import Usage, measure
from bench.trainer.examples import EXAMPLES


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Usage], Path]:
    folder = tmp_path_factory.mktemp("bench")
    return list(measure(folder, 300, [1, 2])), folder


def test_each_training_reads_more_wines_and_exports_a_model(measured: tuple[list[Usage], Path]) -> None:
    usages, folder = measured

    assert [one.rows for one in usages] == [300, 600]
    assert len({path.read_bytes() for path in folder.glob(f"{EXAMPLES}/*/*")}) == 2
    # more rows, more landmarks and nodes: it has learnt from both files
    assert usages[0].model_mb < usages[1].model_mb < 20
    assert all(one.cpu_seconds > 1 and one.peak_mib > 300 for one in usages)
