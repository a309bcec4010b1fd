"""What this machine has: GPUs that a container can be given, trusted authorities."""
