"""What DAGs and pipelines agree on; imports neither Airflow nor TFX, and so runs in both environments."""
