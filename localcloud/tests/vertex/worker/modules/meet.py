"""Creates a file and waits for another one: two of these only end if they run at the same time."""

import sys
import time
from pathlib import Path

mine, other = map(Path, sys.argv[1:])
mine.touch()
for _ in range(600):
    if other.exists():
        sys.exit(0)
    time.sleep(0.05)
sys.exit(f"{other} never came")
