"""`evaluate diarization`."""
