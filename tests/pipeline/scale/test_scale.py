from __future__ import annotations

from pathlib import Path

import pytest
from google.cloud.aiplatform_v1.types import AcceleratorType
from wine_pipeline.config import ConfigError
from wine_pipeline.scale import ACCELERATORS, DataflowConfig, Scale, TrainingJobConfig, read_scale

EXAMPLE = Path(__file__).resolve().parents[3] / "pipeline" / "scale.toml"

GPU = """
[training]
machine_type = "n1-standard-8"
accelerator_type = "NVIDIA_TESLA_T4"
accelerator_count = 2
image = "registry/wine-gpu:1"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "scale.toml"
    path.write_text(text)
    return path


def test_an_empty_file_leaves_every_step_in_its_task(tmp_path: Path) -> None:
    assert read_scale(write(tmp_path, "")) == Scale()


def test_a_table_that_is_there_switches_its_part_on(tmp_path: Path) -> None:
    account = 'service_account = "wine-pipeline@wine-local.iam.gserviceaccount.com"\n'
    dataflow = "[dataflow]\nmax_workers = 9\n"

    assert read_scale(write(tmp_path, "[dataflow]")) == Scale(dataflow=DataflowConfig())
    assert read_scale(write(tmp_path, account + dataflow + GPU)) == Scale(
        dataflow=DataflowConfig(max_workers=9),
        training=TrainingJobConfig("n1-standard-8", "NVIDIA_TESLA_T4", 2, "registry/wine-gpu:1"),
        service_account="wine-pipeline@wine-local.iam.gserviceaccount.com",
    )


@pytest.mark.parametrize(
    ("given", "email"),
    [
        ("wine-pipeline", "wine-pipeline@wine-local.iam.gserviceaccount.com"),
        ("ada@other.iam.gserviceaccount.com", "ada@other.iam.gserviceaccount.com"),
    ],
)
def test_a_bare_name_is_an_account_of_the_pipelines_project(given: str, email: str) -> None:
    scale = Scale(dataflow=DataflowConfig(), service_account=given)

    assert scale.account("wine-local") == email


def test_the_example_file_switches_both_on() -> None:
    scale = read_scale(EXAMPLE)

    assert scale.dataflow is not None
    assert scale.training is not None


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[dataflow", "scale.toml"),
        ("workers = 3", "unknown key workers"),
        ("dataflow = true", r"\[dataflow\]"),
        ("[dataflow]\nworkers = 3", "unknown key dataflow.workers; did you mean max_workers"),
        ("[dataflow]\nmax_workers = 0", "dataflow.max_workers"),
        ('[dataflow]\nmax_workers = "4"', "dataflow.max_workers must be a whole number"),
        ("[dataflow]\nmax_workers = 4001", "dataflow.max_workers must be in 1..4000, not 4001"),
        ("[dataflow]\nmax_workers = nan", "dataflow.max_workers must be a whole number, not nan"),
        ("[dataflow]\nmax_workers = 4\nmax_workers = 5", "Cannot overwrite a value"),
        ("a = " + "[" * 5000, "is nested too deeply"),
        ("[dataflow]\nmax_workers = true", "dataflow.max_workers must be a whole number"),
        ('[dataflow]\nmachine_type = "big"', "dataflow.machine_type must be like n1-standard-4, not 'big'"),
        ("[dataflow]\nmachine_type = 4", "dataflow.machine_type must be text"),
        ('[dataflow]\nsubnetwork = "default"', "dataflow.subnetwork must be .*, not 'default'"),
        ("[training]", "training.machine_type is missing"),
        ('[training]\naccelerator_type = "NVIDIA_TESLA_T4"', "training.machine_type is missing"),
        (
            '[training]\nmachine_type = "n1-standard-8"\naccelerator_count = 1',
            "needs training.accelerator_type",
        ),
        (GPU.replace("TESLA_T4", "TESLA_T5"), "'NVIDIA_TESLA_T5' is unknown; did you mean NVIDIA_TESLA_T4"),
        (GPU.replace("n1-standard-8", "e2-standard-8"), "comes with n1 machines"),
        (GPU.replace("= 2", "= 3"), "training.accelerator_count"),
        (GPU.replace("accelerator_count = 2", ""), "training.accelerator_count"),
        (GPU.replace('image = "registry/wine-gpu:1"', ""), "needs training.image"),
        ('service_account = "Ada"\n[dataflow]', "service_account must be .*, not 'Ada'"),
        ("service_account = 7\n[dataflow]", "service_account"),
        ('service_account = "ada@wine-local.iam.gserviceaccount.com"', "neither"),
    ],
)
def test_a_bad_file_is_refused_in_one_line_that_names_it_and_the_key(
    text: str, named: str, tmp_path: Path
) -> None:
    path = write(tmp_path, text)

    with pytest.raises(ConfigError, match=named) as refused:
        read_scale(path)

    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "")
    path.write_bytes(b"[dataflow]\n# \xff")

    with pytest.raises(ConfigError, match=r"scale.toml: is not UTF-8: line 2$"):
        read_scale(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{tmp_path}/absent.toml: No such file"):
        read_scale(tmp_path / "absent.toml")


def test_vertex_knows_every_accelerator() -> None:
    assert set(ACCELERATORS) <= {accelerator.name for accelerator in AcceleratorType}
