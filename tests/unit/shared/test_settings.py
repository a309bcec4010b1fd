from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import pytest

from scripts.shared.errors import UsageError
from scripts.shared.paths import REPOSITORY
from scripts.shared.settings import Settings, help_text
from scripts.shared.settings_report import report, rows
from scripts.shared.settings_sources import CONTAINER, NOT_SETTINGS, PREFIX, load

NAMES = [spec.name for spec in dataclasses.fields(Settings)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository without any setting."""
    return tmp_path


def test_without_any_source_the_defaults_hold(root: Path) -> None:
    loaded = load(root=root, environ={})
    assert loaded.settings == Settings()
    assert set(loaded.origin) == set(NAMES)
    assert set(loaded.origin.values()) == {"default"}


def test_each_source_overrides_the_one_before(root: Path) -> None:
    (root / "pyproject.toml").write_text(
        '[tool.mentator]\nname = "aa"\nhost = "a"\nimage = "a"\nbuilder = "a"\n'
    )
    (root / ".env").write_text("MENTATOR_HOST=b\nMENTATOR_IMAGE=b\nMENTATOR_BUILDER=b\n")
    environ = {"MENTATOR_IMAGE": "c", "MENTATOR_BUILDER": "c"}
    loaded = load({"builder": "d"}, root=root, environ=environ)
    found = loaded.settings
    assert (found.name, found.host, found.image, found.builder) == ("aa", "b", "c", "d")
    assert [loaded.origin[name] for name in ("name", "host", "image", "builder")] == [
        "pyproject.toml",
        ".env",
        "environment",
        "flag",
    ]


def test_a_flag_that_was_not_given_overrides_nothing(root: Path) -> None:
    loaded = load(
        {"name": None, "cache_from": ()},
        root=root,
        environ={"MENTATOR_NAME": "mine", "MENTATOR_CACHE_FROM": "type=gha"},
    )
    assert loaded.settings.name == "mine"
    assert loaded.settings.cache_from == ("type=gha",)


def test_an_empty_variable_is_not_set(root: Path) -> None:
    (root / ".env").write_text("MENTATOR_NAME=\nMENTATOR_HOST\n")
    assert load(root=root, environ={"MENTATOR_PORT": ""}).settings == Settings()


def test_a_dashed_key_in_pyproject_is_the_same_setting(root: Path) -> None:
    (root / "pyproject.toml").write_text('[tool.mentator]\nno-cache = true\ncache-to = ["a", "b"]')
    found = load(root=root, environ={}).settings
    assert found.no_cache is True
    assert found.cache_to == ("a", "b")


@pytest.mark.parametrize("name", NAMES)
def test_every_setting_can_be_set_by_its_variable(root: Path, name: str) -> None:
    spec = next(spec for spec in dataclasses.fields(Settings) if spec.name == name)
    text: str
    expected: Any
    if spec.metadata["choices"]:
        text = expected = spec.metadata["choices"][0]
    elif isinstance(spec.default, bool):
        text, expected = "yes", True
    elif isinstance(spec.default, int):
        text, expected = "8080", 8080
    elif isinstance(spec.default, tuple):
        text, expected = "a, b,", ("a", "b")
    else:
        text = expected = {
            "image": "me/app",
            "registry": "ghcr.io",
            "name": "mine",
            "host": "::1",
        }.get(name, "some text")
    loaded = load(root=root, environ={PREFIX + name.upper(): text})
    assert getattr(loaded.settings, name) == expected
    assert loaded.origin[name] == "environment"


@pytest.mark.parametrize(
    ("word", "value"),
    [("1", True), ("TRUE", True), ("on", True), ("0", False), ("No", False), (" off ", False)],
)
def test_words_for_true_and_false(root: Path, word: str, value: bool) -> None:
    assert load(root=root, environ={"MENTATOR_YES": word}).settings.yes is value


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [
        ("MENTATOR_YES", "perhaps", "yes = 'perhaps' (environment) is not true or false"),
        ("MENTATOR_PORT", "http", "port = 'http' (environment) is not a whole number"),
        ("MENTATOR_PORT", "0", "not between 1 and 65535"),
        ("MENTATOR_PORT", "65536", "not between 1 and 65535"),
        ("MENTATOR_NODE", "20", "is not one of 22, 24"),
        ("MENTATOR_BASES", "cdrom", "is not one of auto, registry, packages"),
        ("MENTATOR_BACKEND", "cdua", "backend = 'cdua' (environment) is not one of auto, cuda"),
        ("MENTATOR_VARIANT", "cdua", "is not one of universal, cuda"),
    ],
)
def test_an_impossible_value_is_refused(root: Path, key: str, text: str, words: str) -> None:
    choices = {"backend": ("auto", "cuda"), "variant": ("universal", "cuda")}
    with pytest.raises(UsageError) as caught:
        load(root=root, environ={key: text}, choices=choices)
    assert words in caught.value.what


@pytest.mark.parametrize("port", [1, 65535])
def test_the_ends_of_the_port_range_are_ports(root: Path, port: int) -> None:
    assert load({"port": str(port)}, root=root, environ={}).settings.port == port


def test_an_unknown_key_names_the_nearest_one(root: Path) -> None:
    loaded = load(root=root, environ={"MENTATOR_CACHE_FORM": "x"})
    assert loaded.warnings == (
        "Unknown setting MENTATOR_CACHE_FORM (environment), it has no effect. "
        "Did you mean MENTATOR_CACHE_FROM?",
    )
    assert loaded.settings == Settings()

    (root / ".env").write_text("MENTATOR_PROT=8080\n")
    assert load(root=root, environ={}).warnings == (
        "Unknown setting MENTATOR_PROT (.env), it has no effect. Did you mean MENTATOR_PORT?",
    )

    (root / "pyproject.toml").write_text('[tool.mentator]\nmodle = "x"\n')
    with pytest.raises(UsageError) as caught:
        load(root=root, environ={})
    assert "modle (pyproject.toml)" in caught.value.what
    assert caught.value.next == "Did you mean model?"


def test_an_unknown_key_without_a_similar_one_leads_to_the_list(root: Path) -> None:
    (warning,) = load(root=root, environ={"MENTATOR_ZZZZZZZZZZZZZZZZZZZZZZ": "x"}).warnings
    assert warning.endswith("`./mentator config` lists the settings.")


@pytest.mark.parametrize(
    ("key", "text"),
    [
        # As Kubernetes sets them beside a service named `mentator`, and beside `mentator-llm`.
        ("MENTATOR_SERVICE_HOST", "10.0.0.7"),
        ("MENTATOR_SERVICE_PORT", "19777"),
        ("MENTATOR_SERVICE_PORT_HTTP", "19777"),
        ("MENTATOR_PORT", "tcp://10.0.0.7:19777"),
        ("MENTATOR_PORT_19777_TCP", "tcp://10.0.0.7:19777"),
        ("MENTATOR_PORT_19777_TCP_ADDR", "10.0.0.7"),
        ("MENTATOR_LLM_SERVICE_HOST", "10.0.0.7"),
        ("MENTATOR_LLM_PORT", "tcp://10.0.0.7:19777"),
        ("MENTATOR_LLM_PORT_19777_TCP_PROTO", "tcp"),
    ],
)
def test_what_kubernetes_sets_is_passed_over_without_a_word(
    root: Path, key: str, text: str
) -> None:
    loaded = load(root=root, environ={key: text})
    assert (loaded.settings, loaded.warnings) == (Settings(), ())


def test_a_lenient_look_tells_what_it_does_not_use(root: Path) -> None:
    environ = {"MENTATOR_PORT": "http", "MENTATOR_NAME": "mine"}
    loaded = load(root=root, environ=environ, lenient=True)
    assert (loaded.settings.port, loaded.origin["port"]) == (19777, "default")
    assert loaded.settings.name == "mine"
    assert loaded.warnings == (
        "port = 'http' (environment) is not a whole number. It is not used.",
    )


def test_a_lenient_look_still_refuses_a_flag(root: Path) -> None:
    with pytest.raises(UsageError, match="is not a whole number"):
        load({"port": "http"}, root=root, environ={}, lenient=True)


@pytest.mark.parametrize(
    ("name", "text"),
    [("model", "--help"), ("data", "-x"), ("cache_to", ("a", "--b")), ("builder", "--load")],
)
@pytest.mark.parametrize("source", ["flag", "environment"])
def test_a_value_that_looks_like_a_flag_is_refused(
    root: Path, name: str, text: str | tuple[str, ...], source: str
) -> None:
    variable = ",".join(text) if isinstance(text, tuple) else text
    given = ({name: text}, {}) if source == "flag" else ({}, {PREFIX + name.upper(): variable})
    with pytest.raises(UsageError, match="looks like a flag"):
        load(given[0], root=root, environ=given[1])


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "registry",
            ("docker.io", "ghcr.io/me", "far:5000", "localhost", "[::1]:5000", "localhost:5000/"),
            ("myregistry", "me/app", "https://ghcr.io", "ghcr.io/Me"),
        ),
        (
            "image",
            ("app", "me/app", "ghcr.io/me/app", "far:5000/a_b/c--d", "GHCR.io/me/app"),
            ("Me/app", "me/app:1", "me//app", "me/app@sha256:1", "a..b", "app "),
        ),
        ("name", ("mentator", "m2", "My_box.1"), ("m", "two words", ".x", "a/b")),
    ],
)
def test_names_have_the_form_that_docker_takes(
    root: Path, name: str, good: tuple[str, ...], bad: tuple[str, ...]
) -> None:
    for text in good:
        assert getattr(load({name: text}, root=root, environ={}).settings, name) == text
    for text in bad:
        with pytest.raises(UsageError, match=f"^{name} = "):
            load({name: text}, root=root, environ={})


def test_what_is_for_the_container_is_kept_apart_and_never_printed(root: Path) -> None:
    (root / ".env").write_text("MENTATOR_API_KEY=from-file\nMENTATOR_PROBE_TIMEOUT=90\n")
    loaded = load(root=root, environ={"MENTATOR_API_KEY": "secret", "TZ": "UTC"})
    assert loaded.container == {
        "MENTATOR_API_KEY": "secret",
        "MENTATOR_PROBE_TIMEOUT": "90",
        "TZ": "UTC",
    }
    assert "secret" not in repr(loaded)


def test_a_dotenv_file_that_cannot_be_read_is_named(root: Path) -> None:
    (root / ".env").write_bytes(b"MENTATOR_NAME=\xff\xfe")
    with pytest.raises(UsageError, match=r"\.env cannot be read"):
        load(root=root, environ={})


@pytest.mark.parametrize("key", sorted(NOT_SETTINGS))
def test_variables_of_container_and_launcher_are_passed_over(root: Path, key: str) -> None:
    assert key.startswith(PREFIX)
    assert load(root=root, environ={key: "x"}).settings == Settings()


def test_variables_without_our_prefix_are_ignored(root: Path) -> None:
    assert load(root=root, environ={"NAME": "x", "HOME": "x"}).settings == Settings()


def test_the_variables_of_compose_do_not_stop_the_pipeline(root: Path) -> None:
    """Compose and the pipeline may read the same `.env`."""
    text = (REPOSITORY / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    names = set(re.findall(r"\bMENTATOR_\w+", text))
    assert {"MENTATOR_BACKEND", "MENTATOR_API_KEY", "MENTATOR_TAG"} <= names
    known = {PREFIX + name.upper() for name in NAMES} | NOT_SETTINGS
    assert names - known == set()


def test_compose_and_up_pass_on_every_variable_that_readme_names() -> None:
    compose = (REPOSITORY / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    passed = set(re.findall(r"^    - (\w+)$", compose, re.MULTILINE))
    assert passed == {*CONTAINER, "MENTATOR_BACKEND"}
    assert "${MENTATOR_DATA:-data}:" in compose
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    part = readme.partition("Variables that the container reads:")[2].partition("\n\nWhen ")[0]
    named = set(re.findall(r"^\| `(\w+)`", part, re.MULTILINE))
    assert {"MENTATOR_API_KEY", "MENTATOR_PROBE_TIMEOUT", "MENTATOR_BACKEND"} <= named
    # `up` has the backend as a setting.
    assert named - {*CONTAINER, "MENTATOR_BACKEND"} == set()


@pytest.mark.parametrize("text", ["[tool.mentator", "\0"])
def test_a_broken_pyproject_is_named(root: Path, text: str) -> None:
    (root / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load(root=root, environ={})
    assert "pyproject.toml" in caught.value.what
    assert caught.value.why


def test_paths_follow_the_settings_and_xdg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    plain = Settings()
    assert plain.data_path() == tmp_path / "data/mentator/data"
    assert plain.engine_path() == tmp_path / "data/mentator/engine"
    assert plain.cache_path() == tmp_path / "cache/mentator"
    moved = Settings(data="~/d", engine_dir="~/e", cache_dir="~/c")
    home = (tmp_path / "home").resolve()
    assert moved.data_path() == home / "d"
    assert moved.engine_path() == home / "e"
    assert moved.cache_path() == home / "c"


def test_the_report_shows_value_and_origin_of_every_setting(root: Path) -> None:
    found = rows(load({"cache_from": ("a", "b"), "port": 8080}, root=root, environ={}))
    assert [row["name"] for row in found] == NAMES
    by_name = {row["name"]: row for row in found}
    assert by_name["cache_from"]["value"] == ("a", "b")
    assert (by_name["port"]["value"], by_name["port"]["origin"]) == (8080, "flag")
    assert (by_name["yes"]["value"], by_name["yes"]["origin"]) == (False, "default")
    assert by_name["node"]["choices"] == ["22", "24"]
    assert all(row["meaning"] for row in found)


def test_the_report_shows_the_folders_that_are_used(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(root))
    monkeypatch.setenv("XDG_DATA_HOME", "not/absolute")  # to be ignored
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    loaded = load({"data": "~/d"}, root=root, environ={})
    found = {row["name"]: row["value"] for row in rows(loaded)}
    assert found["data"] == str((root / "d").resolve())
    assert found["engine_dir"] == str(root / ".local/share/mentator/engine")
    assert found["cache_dir"] == str(root / ".cache/mentator")


def test_the_report_never_shows_the_api_key(root: Path) -> None:
    environ = {"MENTATOR_API_KEY": "secret", "MENTATOR_PROBE_TIMEOUT": "90"}
    loaded = load(root=root, environ=environ)
    for text in (report(loaded), report(loaded, as_json=True)):
        assert "secret" not in text
        assert "set, not shown" in text
        assert "90" in text


def test_the_help_of_a_flag_says_what_it_may_be_and_what_it_is_without_it() -> None:
    assert help_text("bases") == (
        "where base images come from (one of: auto, registry, packages; default: auto)"
    )
    assert help_text("port") == "the port on this machine (default: 19777)"
    assert help_text("yes") == "install and start what is missing without a question"
    assert help_text("variant", {"variant": ("a", "b")}, "x (default: y)") == (
        "x (default: y) (one of: a, b)"
    )


def test_every_setting_says_what_it_is() -> None:
    assert [spec.name for spec in dataclasses.fields(Settings) if not spec.metadata["text"]] == []


def test_what_each_setting_may_be_is_loaded_with_it(root: Path) -> None:
    found = load(root=root, environ={}, choices={"backend": ("auto", "cpu")}).choices
    assert found["backend"] == ("auto", "cpu")
    assert found["bases"] == ("auto", "registry", "packages")
    assert found["port"] == ()
