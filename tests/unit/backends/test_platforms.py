from __future__ import annotations

from pathlib import Path

import pytest

from scripts.backends.platforms import PLATFORMS, choose
from scripts.image import build_request
from scripts.shared.errors import UsageError
from scripts.shared.settings import Settings

OTHERS = ("linux/arm64", "windows/amd64", "linux/amd64,linux/arm64", "linux/amd64/v3", "aarch64")


@pytest.mark.parametrize(
    "setting", ["", "linux/amd64", "Linux/AMD64", "linux/x86_64", "amd64", "linux/amd64/v1"]
)
def test_the_platform_is_named_in_dockers_words(setting: str) -> None:
    assert choose(setting, {}) == "linux/amd64"
    assert choose("", {"DOCKER_DEFAULT_PLATFORM": setting}) == "linux/amd64"


@pytest.mark.parametrize("setting", OTHERS)
def test_a_platform_without_files_is_refused(setting: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose(setting, {})
    assert f"--platform {setting}" in caught.value.what
    assert PLATFORMS[0] in caught.value.why


@pytest.mark.parametrize("value", OTHERS)
def test_dockers_variable_counts_where_the_setting_is_not_given(value: str) -> None:
    environ = {"DOCKER_DEFAULT_PLATFORM": value}
    with pytest.raises(UsageError, match=f"DOCKER_DEFAULT_PLATFORM={value}"):
        choose("", environ)
    assert choose("linux/amd64", environ) == "linux/amd64"


def test_it_is_refused_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        pytest.fail("the engine was asked")

    monkeypatch.setattr("scripts.docker_engine.find", fail)
    settings = Settings(platform="linux/arm64", cache_dir=str(tmp_path), engine_dir=str(tmp_path))
    with pytest.raises(UsageError, match="linux/arm64"):
        build_request.resolve(settings)
    assert list(tmp_path.iterdir()) == []
