"""The rows: their table, their schema, and what the compiled file says about them."""
