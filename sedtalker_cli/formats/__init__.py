"""File formats: one module each, a pair of read_ and write_ functions."""
