"""The image: what is asked for, planned, built, recorded, measured, exported, published.

`request.resolve` turns the settings of a build into one value; `build`, `compiler_cache` and the
linters of `scripts.project` take it. This room may call the engine, and write below `build/` and
into folders that the user named.
"""
