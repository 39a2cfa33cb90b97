"""Sound: read in blocks, its loudness, and where there is speech."""
