"""Speed and size, each as a ratio against a named peer measured in the same run.

Machines are shared and noisy, so no figure here is a test: `nox -s bench` prints them.
"""
