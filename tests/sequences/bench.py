"""Initial states of sequences: a wine without a champion, with one, or with a replaced one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from localcloud.gateway.faults import Faults
from tests.sequences.airflow.runner import Airflow
from tests.sequences.airflow.runs import SUCCESS, Run
from tests.sequences.people import Person
from tests.sequences.trainings import SOUND_MODEL
from tests.sequences.wines import Snapshot, Vault, Wine
from tests.sequences.world import World


@dataclass(frozen=True)
class Beginning:
    """
    An initial state of sequences.

    :param rows: of all Vertex AI resources.
    :param runs: that have led to it.
    """

    rows: Snapshot
    runs: list[Run]


@dataclass
class Bench:
    """
    Starts sequences, and counts them.

    :param dags: by their ids, as their files declare them.
    :param wines: by their names.
    :param sequences: how many were begun.
    :param steps: how many tasks were executed in them, and acts done by hand.
    """

    dags: dict[str, Any]
    wines: dict[str, Wine]
    sequences: int = 0
    steps: int = 0
    _beginnings: dict[tuple[str, int], Beginning] = field(default_factory=dict)

    def __post_init__(self) -> None:
        cloud = next(iter(self.wines.values())).cloud
        self.vault = Vault(cloud)
        self.faults = Faults(cloud.settings.state)

    def begin(self, name: str, champions: int) -> World:
        """
        Start a sequence.

        :param name: of the wine.
        :param champions: how many champions it has had.
        """
        beginning = self._beginning(name, champions)
        self.vault.restore(beginning.rows)
        self.sequences += 1
        airflow = Airflow(self.dags)
        airflow.runs += [run.copy() for run in beginning.runs]
        world = World(self.wines[name], airflow, self.faults, self._count)
        world.take_for_sound()
        return world

    def _count(self) -> None:
        self.steps += 1

    def _beginning(self, name: str, champions: int) -> Beginning:
        if (name, champions) not in self._beginnings:
            wine, airflow = self.wines[name], Airflow(self.dags)
            if champions:
                before = self._beginning(name, champions - 1)
                self.vault.restore(before.rows)
                airflow.runs += [run.copy() for run in before.runs]
                world = World(wine, airflow, self.faults)
                run = world.retrain(SOUND_MODEL)
                world.finish()
                assert run.state == SUCCESS, (run.states, airflow.errors)
            else:
                self.vault.restore([])
                Person(wine).register_other_team()
            self._beginnings[name, champions] = Beginning(self.vault.take(), airflow.runs)
        return self._beginnings[name, champions]
