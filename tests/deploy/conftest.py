"""A clone of the work tree that a test may spoil, and a gcloud that writes down its calls."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable

import pytest

from deploy.composer.check import COMPOSER_PYTHON
from deploy.composer.package import files_of
from tests.deploy.checkouts import Checkout, Recorder
from tests.support.repository import REPOSITORY


@pytest.fixture(scope="session")
def make_recorder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Recorder]:
    """Create a gcloud and a bq that record their calls."""

    def make() -> Recorder:
        folder = tmp_path_factory.mktemp("recorder")
        (folder / "bin").mkdir()
        for name in ("gcloud", "bq"):
            program = folder / "bin" / name
            program.write_text(
                f"#!{sys.executable}\n{(REPOSITORY / 'tests' / 'deploy' / 'recorder.py').read_text()}"
            )
            program.chmod(0o755)
        (folder / "images.json").write_text("[]")
        made = Recorder(folder)
        made.fail()
        made.composer()
        return made

    return make


@pytest.fixture(scope="session")
def make_checkout(
    tmp_path_factory: pytest.TempPathFactory, make_recorder: Callable[[], Recorder]
) -> Callable[[], Checkout]:
    """Create a clean clone of the work tree as it is now."""

    def make() -> Checkout:
        folder = tmp_path_factory.mktemp("checkout")
        for path in files_of("."):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / path, folder / path)
        (REPOSITORY / ".tools").mkdir(exist_ok=True)
        for borrowed in (".tools", "pipeline/.venv"):
            (folder / borrowed).symlink_to(REPOSITORY / borrowed)
        checkout = Checkout(folder, make_recorder())
        checkout.git("init", "--quiet", "--initial-branch=main")
        # a link is no folder: .gitignore's patterns with a slash at the end do not meet it
        (folder / ".git" / "info" / "exclude").write_text(".tools\npipeline/.venv\n")
        checkout.commit()
        return checkout

    return make


@pytest.fixture(scope="session")
def composer_packages() -> None:
    """Skip where Composer's packages are not installed."""
    if not COMPOSER_PYTHON.exists():
        pytest.skip("Composer's packages are not installed: make deploy-check installs them")


@pytest.fixture
def checkout(make_checkout: Callable[[], Checkout]) -> Checkout:
    """Return a clean clone."""
    return make_checkout()


@pytest.fixture
def recorder(make_recorder: Callable[[], Recorder]) -> Recorder:
    """Return a gcloud and a bq that write down their calls."""
    return make_recorder()
