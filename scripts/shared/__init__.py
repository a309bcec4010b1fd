"""What every room uses: settings, errors, console, commands, paths, locks, checksums.

Nothing here knows Docker or the image, and nothing here imports another room.
"""
