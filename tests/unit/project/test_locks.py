from __future__ import annotations

from scripts.project.requirement_locks import LOCKS, compile_argv, wheel_lists
from scripts.shared.paths import REPOSITORY


def test_uv_is_told_to_hash_and_to_name_no_index() -> None:
    assert compile_argv("/uv", "requirements/dev", "--constraint=requirements/run.txt") == [
        *["/uv", "pip", "compile", "--quiet", "--upgrade", "--universal"],
        *["--python-version", "3.11", "--generate-hashes", "--no-emit-index-url"],
        *["--no-emit-find-links", "--no-header"],
        *["--constraint=requirements/run.txt", "requirements/dev.in"],
        *["--output-file", "requirements/dev.txt"],
    ]


def test_constraints_are_locked_before_what_they_constrain() -> None:
    done: set[str] = set()
    for name, constraints in LOCKS:
        assert set(constraints) <= done
        done.add(name)


def test_every_requirement_file_is_locked() -> None:
    folder = REPOSITORY / "requirements"
    names = {name for name, _ in LOCKS}
    assert names == {path.stem for path in folder.glob("*.in")}
    assert names == {path.stem for path in folder.glob("*.txt")}


def test_every_list_of_wheels_is_locked_with_hashes() -> None:
    lists = wheel_lists()
    assert {path.parent.name for path in lists} >= {"backends", "programs"}
    for path in lists:
        assert "--hash=sha256:" in path.with_suffix(".txt").read_text(encoding="utf-8"), path
