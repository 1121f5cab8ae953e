"""The notebook and the page that ask the endpoint, run as they are written."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from wine_pipeline.data.data_contract import sample_instance

from localcloud.testing import Cloud
from tests.pipeline.notebooks.notebook import Evaluate
from tests.pipeline.wine_examples import REPOSITORY

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on the PATH"),
]

PAGE = REPOSITORY / "docs" / "predict.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END_OF_BLOCK = "--- end of block ---"
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Shown:
    """
    A fenced block of the page that was run.

    :param printed: what it wrote to standard output.
    :param promised: the block of output that follows it on the page, if one does.
    """

    printed: str
    promised: str | None


@pytest.fixture(scope="module")
def clone(served: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder like the repository after `make up`, whose stack is the served cloud."""
    folder = tmp_path_factory.mktemp("clone")
    for name in (".venv", "Makefile", "pipeline"):
        (folder / name).symlink_to(REPOSITORY / name)
    (folder / ".local" / "up").mkdir(parents=True)
    (folder / ".local" / "up" / "cloud").symlink_to(served.settings.state)
    return folder


@pytest.fixture(scope="module")
def shown(served: Cloud, clone: Path) -> dict[str, list[Shown]]:
    """Run the page's blocks: all in bash in one shell, and in that shell all in Python in one process."""
    blocks = BLOCK.findall(PAGE.read_text())
    python = "".join(
        f"{code}\nprint({END_OF_BLOCK!r})\n" for language, code in blocks if language == "python"
    )
    (clone / "page.py").write_text(python)
    script = [f"{code}\necho\necho '{END_OF_BLOCK}'" for language, code in blocks if language == "bash"]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join([*script, "pipeline/.venv/bin/python page.py"])],
        cwd=clone,
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(clone),
            "LOCALCLOUD_PORT": str(served.settings.port),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = iter(done.stdout.split(f"{END_OF_BLOCK}\n"))
    found: dict[str, list[Shown]] = {"bash": [], "python": []}
    for language in found:
        for position, (other, _) in enumerate(blocks):
            if other == language:
                after = blocks[position + 1] if position + 1 < len(blocks) else ("", "")
                promised = after[1] if after[0] in ("json", "text") else None
                found[language].append(Shown(next(printed).strip(), promised))
    return found


def fits(promised: Any, real: Any) -> bool:
    """Return whether an output is as documented: numbers may differ, and … stands for any text."""
    if isinstance(promised, dict):
        return set(promised) == set(real) and all(fits(promised[key], real[key]) for key in promised)
    if isinstance(promised, list):
        return len(promised) == len(real) and all(map(fits, promised, real))
    if isinstance(promised, float):
        return isinstance(real, float)
    if isinstance(promised, str):
        pattern = ".*".join(re.escape(part.strip()) for part in promised.split("…"))
        return re.fullmatch(pattern, real.strip(), re.DOTALL) is not None
    return bool(promised == real)


def prediction_of(printed: str) -> dict[str, list[float]]:
    return dict(json.loads(printed)["predictions"][0])


def assert_plausible(prediction: dict[str, list[float]]) -> None:
    assert set(prediction) == {"good", "grade", "grade_low", "grade_high"}
    assert 0 < prediction["good"][0] < 1
    assert 3 < prediction["grade"][0] < 9


@pytest.fixture(scope="module")
def found(evaluate: Evaluate) -> dict[str, Any]:
    """Run the notebook once."""
    names = ("by_curl", "by_requests", "by_grpc", "raw_errors", "example_errors", "endpoint", "wine")
    return dict(evaluate("predict.ipynb", f"{{{', '.join(f'{name!r}: {name}' for name in names)}}}"))


def test_the_notebook_gets_the_same_answer_three_ways(found: dict[str, Any]) -> None:
    assert_plausible(found["by_curl"])
    for way in ("by_requests", "by_grpc"):
        assert set(found[way]) == set(found["by_curl"])
        for name, values in found["by_curl"].items():
            assert found[way][name] == pytest.approx(values, abs=TOLERANCE)


def test_the_notebook_finds_the_endpoint_by_its_name(found: dict[str, Any]) -> None:
    assert re.fullmatch(r"projects/wine-local/locations/europe-west1/endpoints/\d+", found["endpoint"])


def test_the_table_for_batch_prediction_has_an_array_for_each_feature() -> None:
    arrays = re.findall(r"\[(\w+)\] AS \1\b", PAGE.read_text())

    assert sorted(arrays) == sorted(sample_instance())


def test_serving_raw_refuses_a_feature_that_is_missing_misspelt_or_too_many(found: dict[str, Any]) -> None:
    errors = found["raw_errors"]

    assert set(errors) == {"missing", "misspelt", "a key too many"}
    for error in errors.values():
        assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
        assert f"must only have keys: {','.join(sorted(found['wine']))}" in error["message"]


def test_serving_default_refuses_a_missing_feature_and_ignores_a_key_too_many(found: dict[str, Any]) -> None:
    errors = found["example_errors"]

    assert set(errors) == {"missing", "misspelt"}
    for message in errors.values():
        assert "Feature: alcohol (data type: float) is required but could not be found" in message


def test_every_output_on_the_page_is_what_one_gets(shown: dict[str, list[Shown]]) -> None:
    promises = [block for blocks in shown.values() for block in blocks if block.promised is not None]

    assert len(promises) == 4
    for block in promises:
        assert block.promised is not None
        if block.promised.startswith("{"):
            assert fits(json.loads(block.promised), json.loads(block.printed)), block.printed
        else:
            assert fits(block.promised, block.printed), block.printed


def test_curl_and_both_python_clients_agree_on_the_page(shown: dict[str, list[Shown]]) -> None:
    by_curl = next(
        prediction_of(block.printed) for block in shown["bash"] if block.printed.startswith('{"predictions"')
    )
    by_requests, by_grpc = (
        re.findall(r"'(\w+)': \[([\d.]+)\]", block.printed) for block in shown["python"][:2]
    )

    assert_plausible(by_curl)
    for found in (by_requests, by_grpc):
        assert {name: pytest.approx([float(value)], abs=TOLERANCE) for name, value in found} == by_curl


def test_the_wine_on_the_page_is_the_contracts_sample(shown: dict[str, list[Shown]], clone: Path) -> None:
    body = json.loads((clone / "input.json").read_text())

    assert body == {"instances": [sample_instance()], "signature_name": "serving_raw"}
