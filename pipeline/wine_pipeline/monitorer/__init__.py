"""The component that keeps an endpoint's monitoring job up to date, for launches without Airflow."""
