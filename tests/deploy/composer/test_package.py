"""The image's tag says what it is made from, not when."""

from __future__ import annotations

import subprocess
import sys

from tests.deploy.conftest import Checkout

TAG = "from deploy.package import image_tag; print(image_tag('worker'))"


def tag(checkout: Checkout) -> str:
    """Return the tag in a clone."""
    command = [sys.executable, "-c", TAG]
    return subprocess.run(command, cwd=checkout.folder, check=True, capture_output=True, text=True).stdout


def test_only_a_change_of_the_pipeline_changes_the_tag(checkout: Checkout) -> None:
    first = tag(checkout)
    (checkout.folder / "README.md").write_text("changed")
    checkout.commit()
    after_documentation = tag(checkout)
    code = checkout.folder / "pipeline" / "wine_pipeline" / "config.py"
    before = code.read_text()
    code.write_text(f"{before}# changed\n")
    uncommitted = tag(checkout)
    checkout.commit()
    committed = tag(checkout)
    code.write_text(before)
    checkout.commit()

    assert first.startswith("worker-")
    assert after_documentation == first
    assert len({first, uncommitted, committed}) == 3
    assert tag(checkout) == first
