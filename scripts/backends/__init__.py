"""The ways to compute: the table of backends, the variants of the image, what is compiled."""
