"""What lets others trust a published image: signature, SBOM and provenance of its digest.

`attach` is called by `publish`, `verify` by its task. All three are attached to the pushed digest
by cosign, which leaves the image as it was. This room may call cosign, syft and a registry.
"""
