"""The environment variables that point every Google client at localcloud."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

from localcloud.clients import pki
from localcloud.clients.pki import BUNDLE, SERVICE_ACCOUNT
from localcloud.config import HOST, Settings

LOOPBACK = "127.0.0.1,localhost,::1"

# These would lead a client past the gateway, or add authorities to the one it must trust.
CLEARED = (
    "BIGQUERY_EMULATOR_HOST",
    "SSL_CERT_DIR",
    "STORAGE_EMULATOR_HOST",
    "grpc_proxy",
    "no_grpc_proxy",
)


def client_environment(settings: Settings, host: str = HOST, folder: Path | None = None) -> dict[str, str]:
    """
    Return the variables that a Google client needs to talk to localcloud instead of Google.

    They serve the Python clients (REST and gRPC, sync and async), httplib2 as Apache Beam uses it, curl,
    TensorFlow's ``gs://`` file system, and gcsfs, by which pandas reads ``gs://``. The aiohttp clients of the
    Google provider's deferrable Cloud Storage and BigQuery triggers ignore proxies, so they cannot be used.

    :param settings: the localcloud to talk to.
    :param host: name or address by which the client reaches it.
    :param folder: where the client finds the authority's certificate and the service account file.
    """
    gateway = f"http://{host}:{settings.port}"
    folder = folder or settings.pki
    bundle = str(folder / BUNDLE)
    authorities = (
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_FILE",
        "CURL_CA_BUNDLE",
        "HTTPLIB2_CA_CERTS",
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH",
    )
    # aiohttp, which gcsfs and so pandas use for gs://, looks at the proxy only if it is told to:
    # https://filesystem-spec.readthedocs.io/en/latest/features.html#configuration
    through_proxy = json.dumps({"session_kwargs": {"trust_env": True}})
    return {
        "FSSPEC_GCS": through_proxy,
        "FSSPEC_GS": through_proxy,
        "HTTPS_PROXY": gateway,
        "https_proxy": gateway,
        "NO_PROXY": LOOPBACK,
        "no_proxy": LOOPBACK,
        **dict.fromkeys(authorities, bundle),
        "GOOGLE_APPLICATION_CREDENTIALS": str(folder / SERVICE_ACCOUNT),
        "GOOGLE_CLOUD_PROJECT": settings.project,
        # where Airflow's links to the console lead
        "GOOGLE_CLOUD_CONSOLE_URL": settings.console_url,
        # TensorFlow's client cannot sign for a service account with our token endpoint
        "GOOGLE_AUTH_TOKEN_FOR_TESTING": "local",
        "NO_GCE_CHECK": "true",
        # TensorFlow remembers an object's size for 5 s: a file rewritten within them reads as inconsistent
        "GCS_STAT_CACHE_MAX_AGE": "0",
        "AIRFLOW_CONN_GOOGLE_CLOUD_DEFAULT": json.dumps(
            {"conn_type": "google_cloud_platform", "extra": {"project": settings.project}}
        ),
    }


def process_environment(settings: Settings) -> dict[str, str]:
    """
    Return the whole environment for a child process: this process's own, pointed at localcloud.

    :param settings: the localcloud to talk to.
    """
    inherited = {name: value for name, value in os.environ.items() if name not in CLEARED}
    return inherited | client_environment(settings)


def activate(settings: Settings) -> None:
    """
    Point the Google clients of this process at localcloud; those that exist already are not changed.

    The certificates are created if there are none: Google's libraries look for them when they are imported.

    :param settings: the localcloud to talk to.
    """
    pki.ensure(settings)
    for name in CLEARED:
        os.environ.pop(name, None)
    os.environ.update(client_environment(settings))


def command_environment(settings: Settings) -> dict[str, str]:
    """
    Return the variables by which the command ``localcloud`` finds a localcloud.

    :param settings: the localcloud to find.
    """
    names = ("LOCALCLOUD_STATE", "LOCALCLOUD_PORT", "LOCALCLOUD_PROJECT")
    return {name: value for name, value in settings.environment().items() if name in names}


def shell_script(environment: dict[str, str]) -> str:
    """
    Write an environment as commands of a shell.

    :param environment: of a client.
    """
    lines = [f"unset {name}" for name in CLEARED]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    return "\n".join(lines) + "\n"
