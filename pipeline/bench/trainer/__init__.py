"""The Trainer on millions of rows: ``make bench-trainer``."""
