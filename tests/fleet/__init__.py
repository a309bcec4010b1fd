"""Several nodes on this machine: engines in network namespaces that make a Swarm, and a stack."""
