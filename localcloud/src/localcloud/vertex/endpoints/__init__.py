"""EndpointService and PredictionService: deployed models, their traffic and their predictions."""
