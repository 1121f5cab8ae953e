"""Makes dags/ and plugins/ in the environment's bucket what they are here, without deleting others' files."""

from __future__ import annotations

from pathlib import Path

from deploy.package import files_of, stage
from deploy.shell import Shell, relative

# plugins first: the DAGs import them
FOLDERS = ("plugins", "dags")
# Composer's own liveness DAG lives among the user's
KEPT = "dags/airflow_monitoring.py"
EXCLUDE = {"plugins": (), "dags": (r"--exclude=^airflow_monitoring\.py$",)}


class SyncError(RuntimeError):
    """The environment holds files that are not ours; the message names them."""


class Sync:
    """
    The two folders in the bucket of a Composer environment.

    A record of what we put there tells our own old files, which a sync deletes, from those of others.

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
        Stop if the folders hold what no deployment of ours put there.

        :return: our files there, relative to the bucket.
        :raises SyncError: naming the others'.
        """
        there = [name for folder in FOLDERS for name in self._list(folder)]
        ours = set((self.shell.look("gcloud", "storage", "cat", self.record) or "").splitlines())
        foreign = sorted(name for name in there if name not in ours)
        if foreign:
            raise SyncError(
                f"{self.bucket} holds files that no deployment from here put there, and a sync would delete: "
                f"{', '.join(foreign)}; remove them, or deploy to an environment of its own"
            )
        return there

    def run(self, there: list[str]) -> None:
        """
        Make the folders hold what ours hold.

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
        # an object with a slash at its end stands for an empty folder in the console
        return [name for name in names if name != KEPT and not name.endswith("/")]

    def _write_record(self, there: list[str]) -> None:
        """Write, before the sync, what it meets and brings: if it breaks off, all of ours stays known."""
        path = self.build / "deployed.txt"
        if not self.shell.dry_run:
            coming = [str(name) for folder in FOLDERS for name in files_of(folder)]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(f"{name}\n" for name in sorted({*there, *coming})))
        self.shell.run("gcloud", "storage", "cp", relative(path), self.record)
