"""What both environments check in the settings that people write."""
