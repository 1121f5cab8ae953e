"""The TFX pipeline that trains, evaluates and deploys the wine-quality model."""
