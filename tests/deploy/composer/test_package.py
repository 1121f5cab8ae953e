"""The image's tag says what it is made from, not when."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.composer.package import files_of, stage
from tests.deploy.checkouts import Checkout

# README, changelog, licence and pyproject.toml are for the wheel
SYNCED = {".airflowignore", "models_page.py", "vertex_mlops"}
TAG = "from deploy.composer.package import image_tag; print(image_tag('worker'))"


def tag(checkout: Checkout) -> str:
    """Return the tag in a clone."""
    command = [sys.executable, "-c", TAG]
    return subprocess.run(command, cwd=checkout.folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    "file", ["pipeline/wine_pipeline/config.py", "plugins/vertex_mlops/contract/names.py"]
)
def test_only_a_change_of_what_is_in_the_image_changes_the_tag(checkout: Checkout, file: str) -> None:
    first = tag(checkout)
    (checkout.folder / "README.md").write_text("changed")
    plugin = checkout.folder / "plugins" / "vertex_mlops" / "exceptions.py"
    plugin.write_text(f"{plugin.read_text()}# changed\n")
    checkout.commit()
    after_others = tag(checkout)
    code = checkout.folder / file
    before = code.read_text()
    code.write_text(f"{before}# changed\n")
    uncommitted = tag(checkout)
    checkout.commit()
    committed = tag(checkout)
    code.write_text(before)
    checkout.commit()

    assert first.startswith("worker-")
    assert after_others == first
    assert len({first, uncommitted, committed}) == 3
    assert tag(checkout) == first


def test_composer_gets_the_plugins_without_what_makes_them_a_wheel(tmp_path: Path) -> None:
    staged = stage("plugins", tmp_path / "plugins")

    assert {path.name for path in staged.iterdir()} == SYNCED
    # the record of what was synced names no file that was not
    assert {path.parts[1] for path in files_of("plugins")} == SYNCED
