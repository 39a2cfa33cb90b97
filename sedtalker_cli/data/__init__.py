"""Corpora, voice activity and everything that makes training examples."""
