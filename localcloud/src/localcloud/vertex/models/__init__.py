"""ModelService: the registry and its versions."""
