"""`evaluate animation`."""
