"""Benchmarks of speed and size, each as a ratio to a named peer in the same run.

Machines are shared and noisy. No figure here is a test: `nox -s bench` only prints them.
"""
