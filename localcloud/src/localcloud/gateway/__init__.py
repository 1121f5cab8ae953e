"""The one port: from a connection's first byte to the service that answers it."""
