"""Which worker of pytest-xdist runs which test: unit tests on all, the engine's tests on one.

The tests in tests/image and tests/smoke share one Docker engine, one image and `build/smoke.json`,
and many of them measure time: they run one after the other, in their order, when the unit tests are
done. It is one run of pytest all the same, with one summary.

xdist has `--dist loadgroup` for this, but 3.8 writes the group into a private field that pytest 9.2
no longer reads, and all tests are scattered over the workers.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

#: Folders whose tests need a Docker engine.
ENGINE_TESTS = ("tests/image/", "tests/smoke/")


class EngineTestsLast(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands out single tests in the order of collection, and the engine's tests as one group."""

    def __init__(self, config: pytest.Config, log: Producer | None = None) -> None:
        super().__init__(config, log)
        # By default the largest group starts first: that is the engine's.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        return "engine" if nodeid.startswith(ENGINE_TESTS) else nodeid
