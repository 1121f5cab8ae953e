"""The docker-compose stack: its secrets, its versions, its tests."""
