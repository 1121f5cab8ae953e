"""Restart Airflow's web server, which loads the plugins, and with them the page Models, at its start."""

from __future__ import annotations

from pathlib import Path

from deploy.composer.package import checksum
from deploy.environments import Environment
from deploy.terminal.shell import Shell, relative


class WebServer:
    """
    The web server of a Composer environment.

    A record has the plugins of its last start; it is written after the restart, so that the next deployment
    repeats a failed one.

    Source: https://cloud.google.com/composer/docs/reference/rest/v1/projects.locations.environments/restartWebServer

    :param environment: its environment.
    :param shell: runs or prints the commands.
    :param build: local folder for the record.
    """

    def __init__(self, environment: Environment, shell: Shell, build: Path) -> None:
        self.environment = environment
        self.shell = shell
        self.build = build

    def restart_after_change(self) -> None:
        """
        Restart it if plugins/ has changed since its start.

        :raises CommandError: a command failed.
        """
        name = self.environment.composer.environment
        record = f"gs://{self.environment.bucket}/deployed/{name}-plugins.txt"
        wanted, started_with = checksum("plugins"), self.shell.look("gcloud", "storage", "cat", record)
        if self.shell.dry_run:
            self.shell.say("only if plugins/ has changed since its start:")
        elif wanted == started_with:
            self.shell.say("the web server already runs with these plugins")
            return
        self.shell.run(
            # newer releases of gcloud have it without beta as well
            *("gcloud", "beta", "composer", "environments", "restart-web-server", name),
            *(f"--project={self.environment.project}", f"--location={self.environment.region}"),
        )
        path = self.build / "plugins.txt"
        if not self.shell.dry_run:
            path.write_text(f"{wanted}\n")
        self.shell.run("gcloud", "storage", "cp", relative(path), record)
