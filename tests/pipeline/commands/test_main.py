from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from wine_pipeline.__main__ import main

pytestmark = pytest.mark.usefixtures("clean_environment")

LAB_FLAGS = [
    "--google_cloud_project=wine-local",
    "--google_cloud_region=europe-west1",
    "--google_cloud_dataset=wine_quality",
    "--gcs_bucket=wine-bucket",
]


def set_wine_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WINE_PROJECT", "wine-local")
    monkeypatch.setenv("WINE_REGION", "europe-west1")
    monkeypatch.setenv("WINE_BUCKET", "wine-bucket")


def test_the_target_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_wine_environment(monkeypatch)
    monkeypatch.setenv("WINE_IMAGE", "registry/wine:3")
    monkeypatch.setenv("WINE_SERVING_IMAGE", "registry/serving:3")
    output = tmp_path / "wine-red.json"

    assert main(["compile", "--wine", "red", "--output", str(output)]) == 0

    job = json.loads(output.read_text())
    assert job["runtimeConfig"]["gcsOutputDirectory"] == "gs://wine-bucket/pipeline_root/wine-red"
    assert "registry/wine:3" in json.dumps(job["pipelineSpec"])
    assert job["serving"]["container_spec"]["image_uri"] == "registry/serving:3"


@pytest.mark.parametrize("missing", ["PROJECT", "REGION", "BUCKET"])
def test_a_missing_setting_is_named_in_one_line_with_exit_code_2(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_wine_environment(monkeypatch)
    monkeypatch.delenv(f"WINE_{missing}")
    output = tmp_path / "wine.json"

    assert main(["compile", "--wine", "white", "--output", str(output)]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert f"WINE_{missing}" in line
    assert not output.exists()


@pytest.mark.parametrize(
    ("variable", "value", "says"),
    [
        ("WINE_REGION", "europe-west1-b", "must be a region like europe-west1, without a zone"),
        ("WINE_BUCKET", "gs://wine", "must be the bare name of a bucket, without gs:// and without a path"),
        ("WINE_IMAGE", "a b", "must be like REGISTRY/PATH/NAME:TAG or REGISTRY/PATH/NAME@sha256:DIGEST"),
        (
            "WINE_SERVING_IMAGE",
            "x",
            "must be like REGISTRY/PATH/NAME:TAG or REGISTRY/PATH/NAME@sha256:DIGEST",
        ),
    ],
)
def test_a_wrong_variable_is_named_with_exit_code_2(
    variable: str,
    value: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_wine_environment(monkeypatch)
    monkeypatch.setenv(variable, value)

    assert main(["compile", "--wine", "white", "--output", str(tmp_path / "wine.json")]) == 2

    assert capsys.readouterr().err == f"wine_pipeline: {variable} {says}, not '{value}'\n"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("white_wine", "--table must be PROJECT.DATASET.TABLE, not 'white_wine'"),
        (
            "wine-local.wine quality.white_wine",
            "--table must be 1 to 1024 letters, digits and underscores, not 'wine quality'",
        ),
    ],
)
def test_a_table_that_is_none_is_named_with_exit_code_2(
    table: str,
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_wine_environment(monkeypatch)

    assert main(["local", "--wine=white", f"--table={table}", f"--memory={tmp_path / 'memory'}"]) == 2

    assert capsys.readouterr().err == f"wine_pipeline: {says}\n"


def test_an_impossible_wine_is_refused_with_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_wine_environment(monkeypatch)

    assert main(["compile", "--wine", "Merlot!", "--output", str(tmp_path / "wine.json")]) == 2

    assert "Merlot!" in capsys.readouterr().err


def test_several_wines_are_compiled_at_once_each_as_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    set_wine_environment(monkeypatch)
    alone, red, white = (tmp_path / f"{name}.json" for name in ("alone", "red", "white"))
    wines = ["--wine=red", "--wine=white", f"--output={red}", f"--output={white}"]

    assert main(["compile", "--wine=white", f"--output={alone}"]) == 0
    assert main(["compile", *wines]) == 0

    assert white.read_bytes() == alone.read_bytes()
    assert json.loads(red.read_text())["serving"]["name"] == "wine-red"


def test_a_wine_without_an_output_is_refused_with_exit_code_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_wine_environment(monkeypatch)

    assert main(["compile", "--wine=white", "--wine=red", f"--output={tmp_path / 'wine.json'}"]) == 2

    assert capsys.readouterr().err == "wine_pipeline: 2 --wine, but 1 --output: give one for each wine\n"


def test_an_output_that_cannot_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_wine_environment(monkeypatch)
    (tmp_path / "file").touch()

    assert main(["compile", "--wine", "white", "--output", str(tmp_path / "file" / "wine.json")]) == 1

    assert str(tmp_path / "file") in capsys.readouterr().err


@pytest.mark.parametrize("way", ["flag", "variable"])
def test_a_scale_file_reaches_the_spec(way: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    set_wine_environment(monkeypatch)
    output, scale = tmp_path / "wine-white.json", tmp_path / "scale.toml"
    scale.write_text("[dataflow]")
    flags = ["--scale", str(scale)] if way == "flag" else []
    if way == "variable":
        monkeypatch.setenv("WINE_SCALE", str(scale))

    assert main(["compile", "--wine", "white", "--output", str(output), *flags]) == 0

    assert "--runner=DataflowRunner" in output.read_text()


@pytest.mark.parametrize("command", ["compile", "run"])
def test_a_bad_scale_file_stops_before_anything_starts(
    command: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_wine_environment(monkeypatch)
    scale = tmp_path / "scale.toml"
    scale.write_text("[training]")
    flags = {
        "compile": ["--wine", "white", "--output", str(tmp_path / "wine.json")],
        "run": [*LAB_FLAGS, "--wine_table=white_wine", "--username=ada"],
    }

    assert main([command, *flags[command], "--scale", str(scale)]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert f"{scale}: training.machine_type is missing" in line


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        ([*LAB_FLAGS, "--wine_table=white_wine"], "--username"),
        ([*LAB_FLAGS, "--username=ada"], "--wine_table"),
    ],
)
def test_the_labs_flags_are_all_required(
    flags: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["run", *flags])

    assert stopped.value.code == 2
    assert named in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--wine_table=beers", "--username=ada"], "beers"),
        (["--wine_table=white_wine", "--username=Ada Lovelace"], "Ada Lovelace"),
    ],
)
def test_a_run_with_a_bad_flag_stops_before_anything_starts(
    flags: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *LAB_FLAGS, *flags]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert named in line


def test_a_data_set_that_cannot_be_a_label_stops_before_anything_starts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = [*LAB_FLAGS, "--wine_table=white_wine", "--username=ada", "--google_cloud_dataset=wine quality"]

    assert main(["run", *flags]) == 2

    (line,) = capsys.readouterr().err.splitlines()
    assert "wine quality" in line


def test_missing_credentials_are_named_in_one_line_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "absent.json"))

    assert main(["run", *LAB_FLAGS, "--wine_table=white_wine", "--username=ada"]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path / "absent.json") in line


def test_a_missing_evaluation_is_named_with_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["metrics", str(tmp_path)]) == 1

    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(tmp_path) in captured.err


def test_a_wrong_argument_is_answered_without_loading_tfx() -> None:
    check = (
        "import sys; from wine_pipeline.__main__ import main\n"
        "code = main(['compile', '--wine', 'white', '--output', 'x'])\n"
        "sys.exit(0 if code == 2 and not {'tfx', 'tensorflow'} & set(sys.modules) else 1)"
    )

    assert subprocess.run([sys.executable, "-c", check], timeout=60, check=False).returncode == 0
