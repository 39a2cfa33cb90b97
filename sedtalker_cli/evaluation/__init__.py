"""Trained models run over data and scored with the measures of `metrics`."""
