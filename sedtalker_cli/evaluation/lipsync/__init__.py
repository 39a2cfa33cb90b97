"""`evaluate lipsync`."""
