"""The monitoring job of an endpoint: settings, the wanted job, and how another one differs from it."""
