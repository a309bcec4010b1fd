"""Files with which other programs run the image: systemd, Podman, Compose, Swarm, Kubernetes.

The task `deploy` calls it. This room looks at the machine's hardware and writes into the folder
that it is given; it starts nothing and asks no engine.
"""
