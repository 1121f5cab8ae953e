"""Results of an endpoint's monitoring job, and its requirements."""
