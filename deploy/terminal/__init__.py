"""What long commands share: progress on the terminal, and ctrl-C."""
