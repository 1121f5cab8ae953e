"""Revert the network changes that a Docker daemon leaves behind when it stops."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BRIDGE = "docker0"
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")
TABLES = ("iptables", "ip6tables")


@contextmanager
def untouched_network() -> Iterator[None]:
    """Restore packet filter, forwarding and bridges at the end, unless another daemon's bridge is there."""
    if _bridges():
        yield
        return
    rules = {name: _output(f"{name}-save") for name in TABLES if shutil.which(f"{name}-save")}
    forwarding = FORWARDING.read_text()
    try:
        yield
    finally:
        for name in _bridges():
            subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)
        for name, saved in rules.items():
            # a table that was not in use had no line: empty it as well
            text = saved + "".join(
                f"*{table}\n{_policies(table)}COMMIT\n"
                for table in ("filter", "nat")
                if f"*{table}\n" not in saved
            )
            subprocess.run([f"{name}-restore"], input=text.encode(), check=False, capture_output=True)
        FORWARDING.write_text(forwarding)


def _bridges() -> list[str]:
    names = sorted(path.name for path in Path("/sys/class/net").iterdir())
    return [name for name in names if name == BRIDGE or name.startswith("br-")]


def _policies(table: str) -> str:
    chains = ["INPUT", "FORWARD", "OUTPUT"] if table == "filter" else ["PREROUTING", "POSTROUTING", "OUTPUT"]
    return "".join(f":{chain} ACCEPT [0:0]\n" for chain in chains)


def _output(command: str) -> str:
    return subprocess.run([command], capture_output=True, text=True, check=False).stdout
