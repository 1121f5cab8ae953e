"""What a Google client needs to talk to localcloud: environment, certificates, credentials."""
