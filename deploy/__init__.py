"""What puts the DAGs, the plugins and the compiled pipelines onto Managed Airflow (Cloud Composer)."""

from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
WINE_CONFIG = REPOSITORY / "dags" / "wine_config.yaml"
