"""Every process of Airflow loads the plugin; the page is loaded by who is asked for it."""

from __future__ import annotations

import subprocess
import sys

LOAD = """
import sys
from airflow import plugins_manager
_, errors = plugins_manager._get_plugins()
apps, _ = plugins_manager.get_fastapi_plugins()
heavy = ("fastapi", "google.cloud.aiplatform_v1", "vertex_mlops.page.app")
print([app["url_prefix"] for app in apps], errors, [name for name in heavy if name in sys.modules])
"""


def test_a_process_that_only_loads_the_plugin_pays_for_no_web_framework_and_no_client_of_google() -> None:
    done = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "['/models-in-service'] {} []"
