from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dev import compose_init
from dev.settings import REPOSITORY


def test_secrets_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    compose_init.ensure(tmp_path / ".env")

    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_a_file_that_others_can_read_is_closed(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    compose_init.ensure(file)
    file.chmod(0o644)

    compose_init.ensure(file)

    assert file.stat().st_mode & 0o777 == 0o600


def test_a_second_call_changes_nothing(tmp_path: Path) -> None:
    made = compose_init.ensure(tmp_path / ".env")
    before = (tmp_path / ".env").read_bytes()

    again = compose_init.ensure(tmp_path / ".env")

    assert set(made) == set(compose_init.SECRETS)
    assert again == []
    assert (tmp_path / ".env").read_bytes() == before


def test_what_is_missing_is_added_and_the_rest_is_kept(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("WINE_AIRFLOW_PORT=8081\nPOSTGRES_PASSWORD=mine\nAIRFLOW_JWT_SECRET=")

    made = compose_init.ensure(file)

    assert "POSTGRES_PASSWORD" not in made
    assert "AIRFLOW_JWT_SECRET" in made
    assert file.read_text().startswith("WINE_AIRFLOW_PORT=8081\nPOSTGRES_PASSWORD=mine\n")


def test_two_stacks_share_no_secret(tmp_path: Path) -> None:
    values = []
    for name in ("one", "two"):
        compose_init.ensure(tmp_path / name)
        lines = (tmp_path / name).read_text().splitlines()
        values += [line.split("=", 1)[1] for line in lines if line.split("=")[0] in compose_init.SECRETS]

    assert len(values) == 2 * len(compose_init.SECRETS)
    assert len(set(values)) == len(values)


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(compose_init.InitError, match="no plain file"):
        compose_init.ensure(tmp_path / ".env")


def test_a_folder_that_containers_cannot_read_is_named(tmp_path: Path) -> None:
    for folder in compose_init.MOUNTED:
        (tmp_path / folder).mkdir()
    closed = tmp_path / "dags" / "wine.py"
    closed.touch(mode=0o600)

    with pytest.raises(compose_init.InitError, match=f"{closed}: chmod -R go"):
        compose_init.check_mounts(tmp_path)


def test_it_needs_nothing_but_python_and_prints_no_secret(tmp_path: Path) -> None:
    for folder in (*compose_init.MOUNTED, "dev"):
        (tmp_path / folder).mkdir()
    script = tmp_path / "dev" / "compose_init.py"
    script.write_bytes((REPOSITORY / "dev" / "compose_init.py").read_bytes())

    # -I and -S: no environment, no installed package
    done = subprocess.run([sys.executable, "-I", "-S", script], capture_output=True, text=True, check=True)

    lines = (tmp_path / ".env").read_text().splitlines()
    values = [line.split("=", 1)[1] for line in lines if line.split("=")[0] in compose_init.SECRETS]
    assert values
    assert [value for value in values if value in done.stdout + done.stderr] == []
