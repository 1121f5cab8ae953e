"""The model on many rows, compared with others: ``make bench-model ROWS=20000``."""
