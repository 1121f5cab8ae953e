"""The stack of the fault suite, with a training that is replayed."""
