"""Commands that measure the results: `python -m experiments.sweep`, for example."""
