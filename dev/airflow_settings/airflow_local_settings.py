"""Imported once by each long-running Airflow process: forked tasks inherit Google's libraries warm."""
