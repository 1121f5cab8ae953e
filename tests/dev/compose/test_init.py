from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dev.compose import init as compose_init
from dev.stack.settings import REPOSITORY


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


TOKEN = "letters, digits and _.~=-, which no shell and no URL needs quoted"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"POSTGRES_PASSWORD=p@ss/word\n", f"line 1: POSTGRES_PASSWORD must be {TOKEN}"),
        (b"POSTGRES_PASSWORD='two words'\n", f"line 1: POSTGRES_PASSWORD must be {TOKEN}"),
        (b"JUPYTER_TOKEN=$HOME\n", f"line 1: JUPYTER_TOKEN must be {TOKEN}"),
        (b"\nJUPYTER_TOKEN=\xd0\xb5\n", f"line 2: JUPYTER_TOKEN must be {TOKEN}"),
        (b"AIRFLOW_FERNET_KEY=short\n", "line 1: AIRFLOW_FERNET_KEY must be 32 bytes in URL-safe base64"),
        (b"WINE_AIRFLOW_PORT=0\n", "line 1: WINE_AIRFLOW_PORT must be a port from 1 to 65535"),
        (b"LOCALCLOUD_PORT=65536\n", "line 1: LOCALCLOUD_PORT must be a port from 1 to 65535"),
        (b"WINE_NOTEBOOK_PORT=http\n", "line 1: WINE_NOTEBOOK_PORT must be a port from 1 to 65535"),
        (
            b"NOTEBOOK_USER=me\n",
            "line 1: NOTEBOOK_USER must be the ids of a user and a group, like 1000:1000",
        ),
        (
            b"# ports\nWINE_AIRFLOW_PROT=1\n",
            "line 2: WINE_AIRFLOW_PROT is unknown; did you mean WINE_AIRFLOW_PORT?",
        ),
        (b"JUPYTER_TOKEN=a\nJUPYTER_TOKEN=b\n", "line 2: JUPYTER_TOKEN is in line 1 already"),
        (b"JUPYTER_TOKEN\n", "line 1: must be NAME=VALUE"),
        (b"JUPYTER TOKEN=a\n", "line 1: must be NAME=VALUE"),
        (b"A=b\nC=\xff\n", "line 2: is not UTF-8"),
    ],
)
def test_a_wrong_line_is_named_without_its_value_and_nothing_is_written(
    tmp_path: Path, content: bytes, says: str
) -> None:
    file = tmp_path / ".env"
    file.write_bytes(content)

    with pytest.raises(compose_init.InitError) as refused:
        compose_init.ensure(file)

    assert str(refused.value) == f".env: {says}"
    assert file.read_bytes() == content


def test_every_variable_that_compose_takes_a_value_from_is_checked() -> None:
    taken = set(re.findall(r"\$\{([A-Z_]+)", (REPOSITORY / "docker-compose.yaml").read_text()))

    # a folder may have any name
    assert taken - compose_init.EXPECTED.keys() == {"WINE_DAGS"}


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

    with pytest.raises(compose_init.InitError, match="not a regular file"):
        compose_init.ensure(tmp_path / ".env")


def test_a_folder_that_containers_cannot_read_is_named(tmp_path: Path) -> None:
    for folder in compose_init.MOUNTED:
        (tmp_path / folder).mkdir(parents=True)
    closed = tmp_path / "dags" / "wine.py"
    closed.touch(mode=0o600)

    with pytest.raises(compose_init.InitError, match=f"{closed}: chmod -R go"):
        compose_init.check_mounts(tmp_path)


def test_it_needs_nothing_but_python_and_prints_no_secret(tmp_path: Path) -> None:
    for folder in (*compose_init.MOUNTED, "dev/compose"):
        (tmp_path / folder).mkdir(parents=True)
    script = tmp_path / "dev" / "compose" / "init.py"
    script.write_bytes((REPOSITORY / "dev" / "compose" / "init.py").read_bytes())

    # -I and -S: no environment, no installed package
    done = subprocess.run([sys.executable, "-I", "-S", script], capture_output=True, text=True, check=True)

    lines = (tmp_path / ".env").read_text().splitlines()
    values = [line.split("=", 1)[1] for line in lines if line.split("=")[0] in compose_init.SECRETS]
    assert values
    assert [value for value in values if value in done.stdout + done.stderr] == []
