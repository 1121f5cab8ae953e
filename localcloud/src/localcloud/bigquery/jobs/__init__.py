"""What a BigQuery job does: query, load, extract and copy."""
