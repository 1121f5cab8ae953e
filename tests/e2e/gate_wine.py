"""Real wines that have never been trained on."""

from __future__ import annotations

from deploy.wines.load_data import load_table
from deploy.wines.wine_rows import read_wine
from dev.demo.wine_data import bigquery_client
from dev.stack.settings import StackSettings

GATE_WINE = "amber"


def load_gate_wine(settings: StackSettings) -> None:
    """Load the red wines under the name."""
    client = bigquery_client(settings)
    client.create_dataset(settings.dataset, exists_ok=True)
    load_table(client, settings.table(GATE_WINE), read_wine("red"))
