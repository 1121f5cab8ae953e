"""Creates the Google Cloud resources of a deployment."""
