"""Programs that run in the pipeline environment and import nothing of localcloud."""
