"""Sync dags/ and plugins/ to the environment's bucket, without deleting the files of others."""

from __future__ import annotations

from pathlib import Path

from deploy.composer.package import files_of, stage
from deploy.terminal.shell import Shell, relative

# plugins first: the DAGs import them
FOLDERS = ("plugins", "dags")
# Composer's own liveness DAG lives among the user's
KEPT = "dags/airflow_monitoring.py"
EXCLUDE = {"plugins": (), "dags": (r"--exclude=^airflow_monitoring\.py$",)}


class SyncError(RuntimeError):
    """The environment contains files that were not deployed from here; the message names them."""


class Sync:
    """
    The two folders in the bucket of a Composer environment.

    A record of the deployed files separates our old files, which a sync deletes, from those of others.

    :param shell: runs or prints the commands.
    :param bucket: gs:// URL of the environment's bucket.
    :param record: gs:// URL of the record, in a bucket that outlives the environment.
    :param build: local folder for the copies.
    """

    def __init__(self, shell: Shell, bucket: str, record: str, build: Path) -> None:
        self.shell = shell
        self.bucket = bucket
        self.record = record
        self.build = build

    def refuse_foreign(self) -> list[str]:
        """
        Stop if the folders contain files that were not deployed from here.

        :return: our files there, relative to the bucket.
        :raises SyncError: names the files of others.
        """
        there = [name for folder in FOLDERS for name in self._list(folder)]
        ours = set((self.shell.look("gcloud", "storage", "cat", self.record) or "").splitlines())
        foreign = sorted(name for name in there if name not in ours)
        if foreign:
            raise SyncError(
                f"{self.bucket} contains files not deployed from here, which a sync would delete: "
                f"{', '.join(foreign)}; remove them, or deploy to a separate environment"
            )
        return there

    def run(self, there: list[str]) -> None:
        """
        Sync the folders with ours.

        :param there: our files there now, relative to the bucket.
        """
        self._write_record(there)
        for folder in FOLDERS:
            source = self.build / folder
            if not self.shell.dry_run:
                stage(folder, source)
            self.shell.run(
                *("gcloud", "storage", "rsync", relative(source), f"{self.bucket}/{folder}"),
                *EXCLUDE[folder],
                *("--recursive", "--delete-unmatched-destination-objects", "--checksums-only"),
            )

    def _list(self, folder: str) -> list[str]:
        listed = self.shell.look("gcloud", "storage", "ls", f"{self.bucket}/{folder}/**") or ""
        names = [line.removeprefix(f"{self.bucket}/") for line in listed.splitlines()]
        # an object whose name ends with a slash is an empty folder in the console
        return [name for name in names if name != KEPT and not name.endswith("/")]

    def _write_record(self, there: list[str]) -> None:
        """Write the old and new files before the sync: if it is interrupted, all of ours stay known."""
        path = self.build / "deployed.txt"
        if not self.shell.dry_run:
            coming = [str(name) for folder in FOLDERS for name in files_of(folder)]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{name}\n" for name in sorted({*there, *coming})))
        self.shell.run("gcloud", "storage", "cp", relative(path), self.record)
