"""What is not there is told from what may not be looked at, in the words of the real gcloud."""

from __future__ import annotations

import http.server
import json
import shlex
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.terminal.shell import CommandError, Shell
from tests.deploy.checkouts import Checkout
from tests.deploy.gcloud import isolated, require

LOOKED_FOR = {
    "gcloud iam service-accounts describe",
    "gcloud storage buckets describe",
    "gcloud artifacts repositories describe",
    "gcloud iam roles describe",
    "gcloud composer environments describe",
    "gcloud builds triggers describe",
}
SERVICES = ("IAM", "STORAGE", "ARTIFACTREGISTRY", "COMPOSER", "CLOUDBUILD")


class Refusing(http.server.BaseHTTPRequestHandler):
    """Answers every request with an error in the format of Google's APIs."""

    error = (404, "NOT_FOUND")

    def do_GET(self) -> None:
        """Answer the request."""
        code, status = self.error
        body = json.dumps({"error": {"code": code, "message": "no", "status": status}}).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def google(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Refusing]]:
    """Point gcloud at a server that refuses everything."""
    require("gcloud")

    class Google(Refusing):
        """The errors of this test."""

    (tmp_path / "token").write_text("token")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Google)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name, value in isolated(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", str(tmp_path / "token"))
    for service in SERVICES:
        path = "storage/v1/" if service == "STORAGE" else ""
        monkeypatch.setenv(
            f"CLOUDSDK_API_ENDPOINT_OVERRIDES_{service}", f"http://127.0.0.1:{server.server_port}/{path}"
        )
    yield Google
    server.shutdown()
    server.server_close()


def looks(checkout: Checkout) -> list[list[str]]:
    """Return one command of each kind with which a setup looks for what it would make."""
    environments = checkout.folder / "deploy" / "environments.yaml"
    environments.write_text(environments.read_text().replace("github: null", "github: owner/name"))
    printed = checkout.run("deploy.resources.setup", "dev", "--dry-run").stdout.splitlines()
    commands = [line.removesuffix(" ||") for line in printed if line.endswith(" ||")]
    kinds = {" ".join(command.split()[:4]): command for command in commands if command.startswith("gcloud ")}
    return [shlex.split(command) for command in kinds.values()]


@pytest.mark.timeout(300)
def test_what_gcloud_does_not_find_is_missing_and_what_it_may_not_see_ends_the_setup(
    checkout: Checkout, google: type[Refusing]
) -> None:
    commands = looks(checkout)
    assert {" ".join(command[:4]).partition(" gs://")[0] for command in commands} == LOOKED_FOR

    for command in commands:
        google.error = (404, "NOT_FOUND")
        assert Shell(dry_run=False).look(*command) is None
        google.error = (403, "PERMISSION_DENIED")
        with pytest.raises(CommandError, match=r"^failed with exit code 1: gcloud "):
            Shell(dry_run=False).look(*command)


@pytest.mark.parametrize(
    "said",
    [
        "ERROR: (gcloud.iam.roles.describe) There was a problem refreshing your current auth tokens",
        "ERROR: (gcloud.storage.buckets.describe) HTTPError 403: does not have storage.buckets.get access",
        "ERROR: gcloud crashed (ConnectionError)",
    ],
)
def test_a_look_that_fails_for_another_reason_shows_it_and_is_no_miss(
    said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match=r"^failed with exit code 1: sh "):
        Shell(dry_run=False).look("sh", "-c", f"echo {shlex.quote(said)} >&2; exit 1")

    assert capsys.readouterr().err == f"{said}\n"


def test_a_look_that_finds_something_returns_what_was_printed() -> None:
    assert Shell(dry_run=False).look("echo", "here") == "here"


def test_a_program_that_is_not_installed_is_named() -> None:
    with pytest.raises(CommandError, match=r"^no-such-program: no such command$"):
        Shell(dry_run=False).look("no-such-program")
