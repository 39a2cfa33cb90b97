"""Sound: read in blocks, its loudness, and where somebody speaks."""
