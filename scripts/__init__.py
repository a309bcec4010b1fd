"""The pipeline's importable modules: they build, size, test, run and publish the image.

`tasks.py` and `noxfile.py` only call what lives here. Modules that decide (which argv, which
tags, which source) are pure; modules that act (run, copy, push) are thin. `docs/architecture.md`
draws the map.
"""
