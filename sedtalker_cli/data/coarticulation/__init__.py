"""Mouth motion from phone times, and examples made by it."""
