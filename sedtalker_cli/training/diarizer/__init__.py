"""`train diarizer`."""
