"""How tasks call Vertex AI, and how the model is served and deployed there."""
