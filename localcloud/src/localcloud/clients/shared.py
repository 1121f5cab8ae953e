"""What clients in other containers need, in a folder shared with them, which lacks the authority's key."""

from __future__ import annotations

from localcloud.clients.environment import client_environment, shell_script
from localcloud.clients.pki import BUNDLE, SERVICE_ACCOUNT, write
from localcloud.config import Settings

SCRIPT = "env.sh"
# Any user of a container with the folder can read it; the account grants nothing: tokens are not checked.
MODE = 0o644


def share(settings: Settings) -> None:
    """
    Write the authority's certificate, the service account file and a script that sets the environment.

    :param settings: names the folder; without one there is nothing to do.
    """
    if settings.clients is None:
        return
    made = [each for each in (settings.clients, *settings.clients.parents) if not each.exists()]
    settings.clients.mkdir(parents=True, exist_ok=True)
    for folder in made:
        # whatever the umask: folders are as readable as the files in them
        folder.chmod(0o755)
    for name in (BUNDLE, SERVICE_ACCOUNT):
        write(settings.clients / name, (settings.pki / name).read_bytes(), MODE)
    environment = client_environment(settings, settings.address, settings.clients)
    # written last: where it exists, the other files do
    write(settings.clients / SCRIPT, shell_script(environment).encode(), MODE)
