"""What this machine has: GPUs that a container can be given, trusted certificate authorities.

The build, `up` and `doctor` ask. This room reads files of the system and runs the vendors' tools;
it changes nothing.
"""
