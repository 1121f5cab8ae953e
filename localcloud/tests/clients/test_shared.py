from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.clients import pki
from localcloud.clients import shared as clients
from localcloud.config import Settings
from localcloud.gateway.proxy import Gateway
from localcloud.testing import free_port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings of a localcloud with clients in other containers."""
    made = Settings(state=tmp_path / "state", address="localcloud", clients=tmp_path / "clients")
    pki.ensure(made)
    return made


def test_clients_elsewhere_get_what_they_need_and_no_key_of_the_authority(settings):
    clients.share(settings)

    modes = {path.name: path.stat().st_mode & 0o777 for path in settings.clients.iterdir()}
    assert modes == {"bundle.pem": 0o644, "env.sh": 0o644, "service-account.json": 0o644}
    assert "PRIVATE KEY" not in (settings.clients / "bundle.pem").read_text()


def test_the_way_to_them_is_as_open_as_they_are(settings, tmp_path):
    deep = replace(settings, clients=tmp_path / "a" / "b" / "clients")
    before = tmp_path.stat().st_mode

    umask = os.umask(0o077)
    try:
        clients.share(deep)
    finally:
        os.umask(umask)

    made = [deep.clients, *list(deep.clients.parents)[:2]]
    assert [path.stat().st_mode & 0o777 for path in made] == [0o755] * 3
    assert tmp_path.stat().st_mode == before


def test_the_script_leads_a_shell_to_the_gateways_address(settings):
    clients.share(settings)

    script = (
        f". {settings.clients}/env.sh; echo $https_proxy $SSL_CERT_FILE; cat $GOOGLE_APPLICATION_CREDENTIALS"
    )
    done = subprocess.run(["sh", "-c", script], env={}, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[0] == f"http://localcloud:19443 {settings.clients}/bundle.pem"
    assert (settings.pki / "service-account.json").read_text() in done.stdout


def test_without_such_clients_nothing_is_written(settings, tmp_path):
    clients.share(replace(settings, clients=None))

    assert not (tmp_path / "clients").exists()


async def test_the_gateway_listens_where_it_is_told(settings):
    told = replace(settings, host="127.0.0.2", port=free_port())
    gateway = Gateway(told, lambda: pytest.fail("nobody connects"))

    await gateway.listen()

    assert gateway._server is not None
    assert [socket.getsockname()[0] for socket in gateway._server.sockets] == ["127.0.0.2"]
    await gateway.close()


def test_an_address_of_another_machine_is_named_with_the_variable_that_sets_it(make_localcloud):
    # 192.0.2.0/24 is for documentation: no machine has an address in it
    done = make_localcloud(host="192.0.2.1").command("up")

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "192.0.2.1" in done.stderr
    assert "LOCALCLOUD_HOST" in done.stderr
