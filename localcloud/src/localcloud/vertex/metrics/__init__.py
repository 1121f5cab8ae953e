"""Cloud Monitoring's MetricService, for the metrics of endpoints."""
