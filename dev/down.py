"""Stop every stack of this clone: ``make down``."""

from __future__ import annotations

import sys

from dev.stack.ownership import BusyError, stop_all
from dev.stack.settings import LOCAL


def main() -> int:
    """Stop what `make up`, `make demo` and `make bench` started."""
    try:
        stop_all(LOCAL, print)
    except BusyError as error:
        print(f"make down: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
