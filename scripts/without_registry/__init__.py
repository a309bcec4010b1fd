"""What exists only where no image registry and no model hub is in reach.

Stand-ins for base images out of Debian's and npm's packages, a model out of a Python package, an
engine out of Debian testing. Whoever reaches a registry never meets it, and can skip this room.
"""
