"""Emotion over time: the timeline, its decoding from posteriors, and the text form of overrides."""
