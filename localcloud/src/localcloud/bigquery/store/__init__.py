"""What is kept: the catalog of tables, their rows and types."""
