"""Faces in motion: expressions, lips, idle life, and motions read back from disk."""
