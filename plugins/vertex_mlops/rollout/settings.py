"""Settings of a rollout, as read from a config file."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator


class RolloutSettings(BaseModel):
    """
    Steps of the traffic, and what a new model must keep in each of them.

    :param steps: shares of the traffic in per cent, rising, the last one 100.
    :param keep_previous: whether the previous model stays deployed without traffic: going back to it takes
        seconds then, and costs a replica.
    :param tolerance: how far an answer to a known instance may be from the offline evaluation's.
    :param max_latency_ms: milliseconds within which 95 % of the new model's requests must be answered.
    :param max_error_share: share of its requests that may have failed.
    :param min_requests: answers of the new model that verify times in each step.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: Annotated[list[Annotated[int, Field(ge=1, le=100, strict=True)]], Field(min_length=1)] = [
        10,
        50,
        100,
    ]
    keep_previous: StrictBool = False
    tolerance: Annotated[float, Field(gt=0, le=10, strict=True, allow_inf_nan=False)] = 1e-3
    max_latency_ms: Annotated[float, Field(gt=0, le=600_000, strict=True, allow_inf_nan=False)] = 1000
    max_error_share: Annotated[float, Field(ge=0, lt=1, strict=True, allow_inf_nan=False)] = 0.02
    min_requests: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 20

    @field_validator("steps")
    @classmethod
    def _rising_to_all(cls, steps: list[int]) -> list[int]:
        if steps != sorted(set(steps)) or steps[-1] != 100:
            raise ValueError("must rise, and end with 100")
        return steps
