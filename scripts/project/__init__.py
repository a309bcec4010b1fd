"""What only those who work on this project run: linters and tests, pins, locked requirements.

The tasks `lint`, `test` and `pins.*`, and nox's sessions, call it. It may write `docker/bases` and
the lock files.
"""
