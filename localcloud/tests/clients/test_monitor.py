"""``localcloud monitor run``: its errors, of one line each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.config import Settings, SettingsError

JOB = "projects/local-project/locations/europe-west1/modelDeploymentMonitoringJobs"


@pytest.mark.parametrize(
    ("job", "reason"),
    [
        ("wine", "'wine' is not projects/PROJECT/locations/REGION/modelDeploymentMonitoringJobs/ID"),
        (f"{JOB}/404", "ModelDeploymentMonitoringJob projects/123456789012/"),
        (JOB.replace("local-project", "other") + "/1", "Permission denied on resource project other"),
    ],
)
def test_a_job_that_is_not_there_is_named(cloud, job, reason):
    done = cloud.command("monitor", "run", job)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith(f"localcloud: {reason}")


def test_a_localcloud_that_does_not_run_is_named_with_its_port(cloud, make_localcloud):
    away = make_localcloud()
    away.settings = replace(away.settings, state=cloud.settings.state)

    done = away.command("monitor", "run", f"{JOB}/1")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"localcloud does not answer at http://127.0.0.1:{away.settings.port}" in done.stderr


@pytest.mark.parametrize("address", ["mail.example.com:25", "10.0.0.1:25", "127.0.0.1", "localhost:0"])
def test_mail_must_stay_on_this_machine(monkeypatch, address):
    monkeypatch.setenv("LOCALCLOUD_SMTP", address)

    with pytest.raises(SettingsError, match="LOCALCLOUD_SMTP"):
        Settings.from_environment()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "[::1]"])
def test_mail_goes_to_a_server_on_loopback(monkeypatch, host):
    monkeypatch.setenv("LOCALCLOUD_SMTP", f"{host}:1025")

    assert Settings.from_environment().smtp == (host.strip("[]"), 1025)
