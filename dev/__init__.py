"""Drives the local stack: localcloud and Airflow together, on one machine."""
