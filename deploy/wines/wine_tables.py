"""The wines and tables that dags/wine_config.yaml names; the DAGs validate the rest of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from vertex_mlops.contract.config.identifiers import BigQueryId, WineName
from vertex_mlops.contract.config.problems import one_line
from vertex_mlops.contract.config.yaml_file import SettingsFileError, read_settings

from deploy import WINE_CONFIG


class WineTablesError(ValueError):
    """The file names no wines, or no dataset; the message is one line with file and key."""


class _Wine(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    table: BigQueryId


class WineTables(BaseModel):
    """
    The tables.

    :param dataset: their BigQuery dataset.
    :param wines: each with its table.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    dataset: BigQueryId
    wines: Annotated[dict[WineName, _Wine], Field(min_length=1)]

    def table(self, wine: str) -> str:
        """Return the table of a wine, as dataset.table."""
        return f"{self.dataset}.{self.wines[wine].table}"


def read_wine_tables(path: Path = WINE_CONFIG) -> WineTables:
    """
    Read them.

    :param path: the YAML file.
    :raises WineTablesError: the file cannot be read, or a name is missing or invalid.
    """
    shown = path.relative_to(path.parent.parent)
    try:
        return WineTables.model_validate(read_settings(path))
    except ValidationError as error:
        raise WineTablesError(f"{shown}: {one_line(error, WineTables)}") from None
    except SettingsFileError as error:
        raise WineTablesError(f"{shown}: {error}") from None
