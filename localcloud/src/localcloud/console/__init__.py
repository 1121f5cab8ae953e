"""Read-only pages at the paths of the Google Cloud console, so that links to the console work."""
