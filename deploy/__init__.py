"""What puts the DAGs, the plugins and the compiled pipelines onto Managed Airflow (Cloud Composer)."""
