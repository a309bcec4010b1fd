"""The application that goes into the image: its folder, what its `package.json` says, its commit.

The build's request calls `package_json.provide` with what `--app` names. This room may run git and
write into the pipeline's cache; a folder that the user named is only read.
"""
