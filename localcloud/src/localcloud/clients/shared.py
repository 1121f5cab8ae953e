"""What clients in other containers need, in a folder that is shared with them: no key of the authority."""

from __future__ import annotations

from localcloud.clients.environment import client_environment, shell_script
from localcloud.clients.pki import BUNDLE, SERVICE_ACCOUNT, write
from localcloud.config import Settings

SCRIPT = "env.sh"
# Only who mounts the folder sees it, as any user, and the account opens nothing: tokens are never checked.
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
        # whatever the umask: the way to a file is as open as the file
        folder.chmod(0o755)
    for name in (BUNDLE, SERVICE_ACCOUNT):
        write(settings.clients / name, (settings.pki / name).read_bytes(), MODE)
    environment = client_environment(settings, settings.address, settings.clients)
    # last: where it is, the rest is
    write(settings.clients / SCRIPT, shell_script(environment).encode(), MODE)
