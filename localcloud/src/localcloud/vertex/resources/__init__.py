"""What all resources of Vertex AI share: names, masks, filters, storage, operations."""
