"""The gateway: one port, where each connection is routed to the service that handles it."""
