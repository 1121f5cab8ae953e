"""Starts a child process, and one in its own session, writes all process ids to a file, and keeps running."""

import os
import subprocess
import sys
import time
from pathlib import Path

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
child = subprocess.Popen(SLEEP)
daemon = subprocess.Popen(SLEEP, start_new_session=True)
path = Path(sys.argv[1])
path.with_suffix(".part").write_text(f"{os.getpid()} {child.pid} {daemon.pid}")
path.with_suffix(".part").rename(path)
time.sleep(600)
