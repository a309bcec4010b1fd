"""What only those who work on this project run: linters and tests, pins, locked requirements."""
