"""Deploy the DAGs, the plugins and the compiled pipelines to Managed Airflow (Cloud Composer)."""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
# the contract is imported from the folder: no environment has the plugins installed
sys.path.append(str(REPOSITORY / "plugins"))
WINE_CONFIG = REPOSITORY / "dags" / "wine_config.yaml"
