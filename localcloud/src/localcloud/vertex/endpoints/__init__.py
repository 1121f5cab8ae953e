"""EndpointService and PredictionService: deployed models, their traffic, what they answer."""
