"""How fast, how lean, and against what: `python -m benchmarks`."""
