"""Restarts Airflow's web server, which loads the plugins, and with them the page Models, when it starts."""

from __future__ import annotations

from pathlib import Path

from deploy.environments import Environment
from deploy.package import checksum
from deploy.shell import Shell, relative


class WebServer:
    """
    The web server of a Composer environment.

    A record tells with which plugins it was started last; it is written after the restart, so that one that
    failed is made up for by the next deployment.

    Source: https://cloud.google.com/composer/docs/reference/rest/v1/projects.locations.environments/restartWebServer

    :param environment: which one.
    :param shell: runs or prints the commands.
    :param build: local folder for the record.
    """

    def __init__(self, environment: Environment, shell: Shell, build: Path) -> None:
        self.environment = environment
        self.shell = shell
        self.build = build

    def restart_after_change(self) -> None:
        """
        Restart it if plugins/ is another than it was started with.

        :raises CommandError: a command failed.
        """
        name = self.environment.composer.environment
        record = f"gs://{self.environment.bucket}/deployed/{name}-plugins.txt"
        wanted, started_with = checksum("plugins"), self.shell.look("gcloud", "storage", "cat", record)
        if self.shell.dry_run:
            self.shell.say("only if plugins/ differs from what it was started with:")
        elif wanted == started_with:
            self.shell.say("the web server was started with these plugins")
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
