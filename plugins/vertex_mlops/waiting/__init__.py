"""How tasks wait and retry."""
