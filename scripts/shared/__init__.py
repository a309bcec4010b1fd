"""What every room uses: settings, errors, console, commands, paths, locks."""
