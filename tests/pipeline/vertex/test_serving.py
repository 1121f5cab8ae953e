"""What serves the exported model: the container, and the folders that it reads."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from wine_pipeline.config import DEFAULT_SERVING_TAG, PREBUILT_IMAGE, ServingConfig, Target
from wine_pipeline.vertex.serving import add_version_folder, build_container_spec

TARGET = Target("wine-local", "europe-west1", "wine-bucket")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_exported_model_lies_where_either_container_looks(model: Path) -> None:
    exported = files(model / "Format-Serving")

    copy = {name.removeprefix("1/"): data for name, data in exported.items() if name.startswith("1/")}
    flat = {name: data for name, data in exported.items() if not name.startswith("1/")}
    assert "saved_model.pb" in flat
    assert copy == flat


def test_the_folder_of_the_version_is_made_anew_by_a_second_try(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_text("new")
    (tmp_path / "variables" / "variables.index").write_text("new")
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_text("old")
    (tmp_path / "1" / "left-over").write_text("old")

    add_version_folder(str(tmp_path))

    assert set(files(tmp_path)) == {
        "saved_model.pb",
        "variables/variables.index",
        "1/saved_model.pb",
        "1/variables/variables.index",
    }
    assert set(files(tmp_path).values()) == {b"new"}


def test_tensorflow_serving_is_started_as_vertex_ai_asks_it(model: Path) -> None:
    container = build_container_spec(ServingConfig(), TARGET)

    assert container == {
        "image_uri": "europe-west1-docker.pkg.dev/wine-local/wine-mlops/tensorflow-serving:"
        + DEFAULT_SERVING_TAG,
        "command": ["/usr/bin/tensorflow_model_server"],
        "args": [
            "--model_name=model",
            "--model_base_path=$(AIP_STORAGE_URI)",
            "--rest_api_port=8080",
            "--file_system_poll_wait_seconds=0",
        ],
        "ports": [{"container_port": 8080}],
        "predict_route": "/v1/models/model:predict",
        "health_route": "/v1/models/model",
    }


def test_the_image_that_a_deployment_copied_is_named_by_its_digest() -> None:
    copied = f"europe-west1-docker.pkg.dev/p/r/tensorflow-serving@sha256:{64 * '0'}"
    target = Target("wine-local", "europe-west1", "wine-bucket", serving_image=copied)

    assert build_container_spec(ServingConfig(), target)["image_uri"] == copied


def test_the_prebuilt_container_is_a_choice_of_the_config() -> None:
    assert build_container_spec(ServingConfig(prebuilt=True), TARGET) == {"image_uri": PREBUILT_IMAGE}


def test_tensorflow_serving_is_no_older_than_the_tensorflow_that_exports() -> None:
    serving, exporting = (
        [int(part) for part in version.split(".")[:2]] for version in (DEFAULT_SERVING_TAG, tf.__version__)
    )

    assert serving >= exporting
