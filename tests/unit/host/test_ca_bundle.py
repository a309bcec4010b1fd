from __future__ import annotations

from pathlib import Path

import pytest

from scripts.host import ca_bundle
from scripts.shared.errors import UsageError


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two places of a distribution; neither is there yet."""
    found = [tmp_path / "debian.crt", tmp_path / "fedora.crt"]
    monkeypatch.setattr(ca_bundle, "PLACES", tuple(map(str, found)))
    return found


def test_the_order_is_setting_variable_distribution(tmp_path: Path, places: list[Path]) -> None:
    named, variable = tmp_path / "named.pem", tmp_path / "variable.pem"
    environ = {"SSL_CERT_FILE": str(variable)}
    assert ca_bundle.find("", environ) is None
    places[1].touch()
    assert ca_bundle.find("", environ) == places[1]
    places[0].touch()
    assert ca_bundle.find("", environ) == places[0]
    variable.touch()
    assert ca_bundle.find("", environ) == variable
    named.touch()
    assert ca_bundle.find(str(named), environ) == named.resolve()


def test_the_variable_is_read_from_the_environment(
    tmp_path: Path, places: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.pem").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "a.pem"))
    assert ca_bundle.find("") == tmp_path / "a.pem"


def test_a_bundle_that_was_named_has_to_be_there(tmp_path: Path, places: list[Path]) -> None:
    places[0].touch()
    with pytest.raises(UsageError, match=r"missing\.pem is not a file"):
        ca_bundle.find(str(tmp_path / "missing.pem"), {})
    with pytest.raises(UsageError):
        ca_bundle.find(str(tmp_path), {})
