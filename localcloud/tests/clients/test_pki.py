from __future__ import annotations

import datetime
import json
import os
import shutil
import subprocess

import pytest
from cryptography import x509

from localcloud.clients import pki

FILES = ("authority.pem", "bundle.pem", "server.pem", "service-account.json")


def contents(settings) -> dict[str, bytes]:
    return {name: (settings.pki / name).read_bytes() for name in FILES}


def test_keys_are_readable_by_their_owner_alone(settings):
    umask = os.umask(0)
    try:
        pki.ensure(settings)
    finally:
        os.umask(umask)

    assert settings.pki.stat().st_mode & 0o777 == 0o700
    for name in FILES:
        assert (settings.pki / name).stat().st_mode & 0o777 == 0o600, name


def test_what_is_there_is_kept(settings):
    pki.ensure(settings)
    before = contents(settings)

    pki.ensure(settings)

    assert contents(settings) == before


@pytest.mark.parametrize("broken", FILES)
def test_a_half_written_file_is_made_anew(settings, broken):
    pki.ensure(settings)
    path = settings.pki / broken
    path.write_bytes(path.read_bytes()[:40])

    pki.ensure(settings)

    assert len(path.read_bytes()) > 40
    assert pki._issued(*(pki._stored_pair(settings.pki / name) for name in ("server.pem", "authority.pem")))


def test_a_server_certificate_of_another_authority_is_replaced(settings):
    pki.ensure(settings)
    foreign = (settings.pki / "server.pem").read_bytes()
    (settings.pki / "authority.pem").unlink()

    pki.ensure(settings)

    assert (settings.pki / "server.pem").read_bytes() != foreign


def test_a_certificate_near_its_end_is_renewed_under_the_same_authority(settings, monkeypatch):
    pki.ensure(settings)
    before = contents(settings)
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=pki.SERVER_DAYS - 30)
    monkeypatch.setattr(pki, "_now", lambda: later)

    pki.ensure(settings)

    assert contents(settings)["authority.pem"] == before["authority.pem"]
    assert contents(settings)["server.pem"] != before["server.pem"]


def test_a_service_account_of_another_project_is_replaced(settings):
    pki.ensure(settings)
    path = settings.pki / "service-account.json"
    account = json.loads(path.read_text()) | {"project_id": "other"}
    path.write_text(json.dumps(account))

    pki.ensure(settings)

    assert json.loads(path.read_text())["project_id"] == settings.project


def test_the_authority_vouches_for_googleapis_com_alone(settings):
    pki.ensure(settings)

    authority = x509.load_pem_x509_certificate((settings.pki / "bundle.pem").read_bytes())

    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert [name.value for name in constraints.value.permitted_subtrees] == ["googleapis.com"]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="there is no openssl on the PATH")
@pytest.mark.parametrize(
    ("host", "verdict"),
    [
        ("europe-west1-aiplatform.googleapis.com", 0),
        ("oauth2.googleapis.com", 0),
        ("wine.storage.googleapis.com", 0),
        ("www.google.com", 1),
    ],
)
def test_openssl_accepts_the_certificate_for_googles_hosts_alone(settings, host, verdict):
    pki.ensure(settings)
    bundle, server = settings.pki / "bundle.pem", settings.pki / "server.pem"

    command = ["openssl", "verify", "-x509_strict", "-CAfile", bundle, "-verify_hostname", host, server]
    done = subprocess.run(command, capture_output=True, check=False)

    assert min(done.returncode, 1) == verdict, done.stderr
