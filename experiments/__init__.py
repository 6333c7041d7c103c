"""What makes the figures: run as `python -m experiments.sweep`, imported by tests alone."""
