"""When drift causes a training: what a user may set, and within which bounds."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool


class DriftSettings(BaseModel):
    """
    Conditions under which drift causes a training.

    :param retrain_on_drift_without_new_data: whether drift causes a training although the table has not
        changed since the last one.
    :param drift_cooldown_hours: hours after the start of a training within which drift causes no other, a
        year of them at most.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    retrain_on_drift_without_new_data: StrictBool = False
    drift_cooldown_hours: Annotated[float, Field(ge=0, le=8760, strict=True, allow_inf_nan=False)] = 24
