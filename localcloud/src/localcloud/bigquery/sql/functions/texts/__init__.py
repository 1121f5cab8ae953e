"""Functions of STRING and BYTES, and values as text."""
