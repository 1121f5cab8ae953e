"""GoogleSQL, translated to DuckDB's."""
