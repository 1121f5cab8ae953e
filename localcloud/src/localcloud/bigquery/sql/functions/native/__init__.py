"""Functions that DuckDB calls in Python, where no expression of its own means the same."""
