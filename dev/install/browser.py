"""Find the Chromium for the UI tests, and install Debian's package if possible."""

from __future__ import annotations

import os
import shutil
import sys

from dev.install.apt import AptError, apt_get
from dev.stack.guard import guarded

EXECUTABLES = ("chromium", "chromium-browser", "google-chrome")
# without fonts Chromium draws boxes
PACKAGES = ("chromium", "fonts-liberation")
HOW_TO_INSTALL = f"apt-get install -y {' '.join(PACKAGES)}"


class BrowserError(RuntimeError):
    """Chromium is neither installed nor installable; the message names the package."""


def find_browser() -> str | None:
    """Return the path of an installed Chromium."""
    return next((path for name in EXECUTABLES if (path := shutil.which(name))), None)


def launch_arguments() -> list[str]:
    """Return Chromium's options for this machine: its sandbox does not run as root."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []


def require_browser() -> str:
    """
    Return the path of Chromium, installing the package if this is Debian and we are root.

    :raises BrowserError: neither is possible.
    """
    if path := find_browser():
        return path
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BrowserError(f"Chromium is not installed: {HOW_TO_INSTALL}")
    print("Installing Chromium from Debian's packages", flush=True)
    try:
        apt_get("update")
        apt_get("install", "--no-install-recommends", *PACKAGES)
    except AptError as error:
        raise BrowserError(f"{error}: {HOW_TO_INSTALL}") from error
    if path := find_browser():
        return path
    raise BrowserError(f"the package has not installed Chromium: {HOW_TO_INSTALL}")


if __name__ == "__main__":
    sys.exit(guarded("make test-ui", lambda: print(f"Browser: {require_browser()}")))
