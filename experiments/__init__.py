"""Commands that measure the results: run them as `python -m experiments.sweep`."""
