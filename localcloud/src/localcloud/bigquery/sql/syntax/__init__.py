"""GoogleSQL as text: its dialect, its names, and one parsed statement."""
