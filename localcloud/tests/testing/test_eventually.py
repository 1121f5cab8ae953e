"""What ``eventually`` waits for, and its error after the time limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.testing import eventually


def test_it_returns_the_first_state_that_meets_the_condition() -> None:
    states = iter([1, 2, 3, 4])

    assert eventually(lambda: next(states), lambda state: state > 2, every=0) == 3


def test_it_fails_with_the_last_state() -> None:
    with pytest.raises(AssertionError, match=r"after 0 s still 'queued'"):
        eventually(lambda: "queued", lambda state: state == "running", seconds=0, every=0)


def test_an_error_passes_only_if_it_is_ignored() -> None:
    def read(answers=iter([OSError("refused"), "up"])) -> str:  # noqa: B008
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert eventually(read, every=0, ignored=(OSError,)) == "up"
    with pytest.raises(ZeroDivisionError):
        eventually(lambda: 1 / 0, every=0, ignored=(OSError,))
    with pytest.raises(AssertionError, match="still FileNotFoundError"):
        eventually(Path("/missing").read_text, seconds=0, every=0, ignored=(OSError,))
