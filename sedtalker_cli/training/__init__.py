"""Training loops: the way in which the shipped weights were made."""
