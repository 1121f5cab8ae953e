"""What a DAG run is given, and how it names the pipeline job that it submits."""
