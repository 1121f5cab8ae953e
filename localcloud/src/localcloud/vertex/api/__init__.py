"""The calls of Vertex AI as they arrive: REST and gRPC."""
