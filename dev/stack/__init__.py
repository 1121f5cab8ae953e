"""localcloud and Airflow together on this machine: start, query, stop."""
