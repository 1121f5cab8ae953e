"""Learns: from measured wines to an exported model."""
