"""docker/start-docker.sh: the data folder, and the default models that it offers there."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.unit import system_surface
from tests.unit.system_surface import Surface

MIB = 1024 * 1024


@pytest.fixture
def surface() -> Iterator[Surface]:
    with system_surface.fresh() as made:
        made.without_choice()
        yield made


def free(surface: Surface, kib: int | str, device: str = "/dev/sda1") -> None:
    """Let df tell how much is free."""
    surface.tool(
        "df",
        "echo 'Filesystem 1024-blocks Used Available Capacity Mounted on'\n"
        f"echo '{device} 1000000 500000 {kib} 50% {surface.models}'",
    )


def test_an_empty_folder_gets_the_default(surface: Surface) -> None:
    surface.defaults(small="abc")
    started = surface.start()
    started.reached()
    assert surface.model_files() == {"small.gguf": "abc"}
    assert "small.gguf copied (1 MiB)" in started.row("models")


def test_a_copied_default_can_be_written_by_its_owner(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.start()
    assert (surface.models / "small.gguf").stat().st_mode & 0o600 == 0o600


def test_a_fifo_in_the_place_of_the_list_of_offers_is_not_waited_for(surface: Surface) -> None:
    surface.defaults(small="abc")
    offered = surface.file("/opt/mentator-llm-service/data/.default-models", "")
    offered.unlink()
    os.mkfifo(offered)
    surface.own(offered, system_surface.SOMEBODY)
    assert "small.gguf copied" in surface.start().row("models")
    assert offered.is_file()


def test_an_empty_models_folder_with_an_ext4_leftover_counts_as_empty(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.in_models()
    (surface.models / "lost+found").mkdir()
    surface.start().reached()
    assert (surface.models / "small.gguf").read_text() == "abc"


def test_all_defaults_are_copied(surface: Surface) -> None:
    surface.defaults(one="1", two="22")
    surface.start().reached()
    assert surface.model_files() == {"one.gguf": "1", "two.gguf": "22"}


def test_a_folder_with_own_models_is_left_alone(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.in_models(own="mine")
    started = surface.start()
    started.reached()
    assert surface.model_files() == {"own.gguf": "mine"}
    assert "models/ has files of yours" in started.row("models")


def test_the_second_start_copies_and_says_nothing(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.start()
    surface.tool("cp", "exit 1")
    started = surface.start()
    started.reached()
    assert started.row("models") == ""


def test_a_deleted_default_stays_deleted(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.start()
    (surface.models / "small.gguf").unlink()
    started = surface.start()
    started.reached()
    assert surface.model_files() == {}
    assert "there is none: put a GGUF file into" in started.row("models")


def test_a_newer_image_offers_its_new_default(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.start()
    surface.in_models(own="mine")
    surface.defaults(small="abc", better="defg")
    surface.start().reached()
    files = {"small.gguf": "abc", "own.gguf": "mine", "better.gguf": "defg"}
    assert surface.model_files() == files
    (surface.models / "better.gguf").unlink()
    surface.start()
    assert "better.gguf" not in surface.model_files()


def test_a_file_of_the_same_name_is_never_overwritten(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.start()
    surface.in_models(small="my own")
    surface.defaults(small="newer")
    started = surface.start()
    started.reached()
    assert surface.model_files() == {"small.gguf": "my own"}
    assert "small.gguf not copied: your file of this name is kept" in started.row("models")
    assert surface.start().row("models") == ""


def test_a_link_of_the_same_name_is_kept_even_if_it_leads_nowhere(surface: Surface) -> None:
    surface.defaults(other="o")
    surface.start()
    surface.defaults(small="abc")
    (surface.models / "small.gguf").symlink_to("/mnt/later/small.gguf")
    assert "your file of this name is kept" in surface.start().row("models")
    assert (surface.models / "small.gguf").is_symlink()


def test_a_file_that_comes_during_the_copy_is_not_overwritten(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.tool(
        "cp", 'for last; do :; done; echo abc >"$last"; printf own >"${last%/*}/small.gguf"'
    )
    started = surface.start()
    started.reached()
    assert surface.model_files() == {"small.gguf": "own"}
    assert "a file of this name has come meanwhile" in started.row("models")


def test_a_part_of_an_interrupted_copy_is_removed_and_the_copy_made(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.in_models()
    part = surface.models / ".small.gguf.mentator-part"
    part.write_text("a")
    started = surface.start()
    started.reached()
    assert surface.model_files() == {"small.gguf": "abc"}
    assert "removed .small.gguf.mentator-part" in started.row("models")


def test_the_copy_appears_under_its_name_only_when_complete(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.tool(
        "cp",
        'for last; do :; done; ls() { printf "%s\\n" "$1"/* "$1"/.*part; }\n'
        'printf abc >"$last"; ls "${last%/*}" >"$RECORD/while-copying"',
    )
    surface.start().reached()
    during = (surface.record / "while-copying").read_text().splitlines()
    assert [line.rsplit("/", 1)[1] for line in during] == ["*", ".small.gguf.mentator-part"]
    assert surface.model_files() == {"small.gguf": "abc"}


@pytest.mark.parametrize("device", ["/dev/sda1", "C: drive", "100% mine"])
def test_too_little_space_for_the_only_model_is_refused_with_both_numbers(
    surface: Surface, device: str
) -> None:
    surface.defaults(big="x" * (5 * MIB))
    free(surface, 2048, device)
    started = surface.start()
    assert started.code == 74
    assert started.service is None
    assert "5 MiB" in started.err
    assert "2 MiB" in started.err
    assert surface.model_files() == {}


def test_after_space_was_made_the_default_is_copied(surface: Surface) -> None:
    surface.defaults(big="x" * MIB)
    free(surface, 1023)
    assert surface.start().code == 74
    free(surface, 1024)
    surface.start().reached()
    assert "big.gguf" in surface.model_files()


def test_too_little_space_for_a_further_model_is_told_and_tried_again(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.start()
    surface.defaults(small="abc", big="x" * (3 * MIB))
    free(surface, 1024)
    started = surface.start()
    started.reached()
    assert "big.gguf not copied: it needs 3 MiB, 1 MiB are free" in started.row("models")
    free(surface, 4096)
    surface.start().reached()
    assert "big.gguf" in surface.model_files()


@pytest.mark.parametrize("df", ["exit 1", "echo '- - - - - /data'", "echo 'x 1 1 - 5% /data'"])
def test_where_the_free_space_is_unknown_the_copy_is_tried(surface: Surface, df: str) -> None:
    surface.defaults(small="abc")
    surface.tool("df", df)
    surface.start().reached()
    assert surface.model_files() == {"small.gguf": "abc"}


def test_a_copy_that_breaks_off_leaves_nothing(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.tool(
        "cp", 'for last; do :; done; printf a >"$last"; echo "cp: No space left" >&2; exit 1'
    )
    started = surface.start()
    assert started.code == 74
    assert "cp: No space left" in started.err
    assert surface.model_files() == {}


def test_a_models_folder_that_cannot_be_written_but_has_models_is_fine(surface: Surface) -> None:
    surface.defaults(small="abc")
    surface.start()
    surface.defaults(newer="def")
    surface.models.chmod(0o555)
    started = surface.start()
    surface.models.chmod(0o755)
    started.reached()
    assert "newer.gguf not copied" in started.row("models")


def test_an_image_without_defaults_starts_without_models(surface: Surface) -> None:
    started = surface.start()
    started.reached()
    assert surface.models.is_dir()
    assert "the image brings none" in started.row("models")


@pytest.mark.parametrize("line", ["s 3", "s 3 ../up.gguf", "s 3 .hidden", "s many small.gguf", "s"])
def test_a_line_of_the_manifest_that_makes_no_sense_is_skipped(surface: Surface, line: str) -> None:
    surface.defaults(small="abc")
    surface.file("/opt/mentator-llm-service/default-models/up.gguf", "up")
    surface.file(
        "/opt/mentator-llm-service/default-models/manifest.txt", f"{line}\nsum 3 small.gguf\n"
    )
    started = surface.start()
    started.reached()
    assert surface.model_files() == {"small.gguf": "abc"}
    assert "skipped a line of manifest.txt" in started.row("models")


def test_a_default_that_the_image_lost_is_reported(surface: Surface) -> None:
    surface.file("/opt/mentator-llm-service/default-models/manifest.txt", "sum 3 small.gguf\n")
    started = surface.start()
    assert started.code == 74
    assert "small.gguf" in started.err


def test_a_missing_data_folder_is_made(surface: Surface) -> None:
    surface.app.chmod(0o777)
    surface.data.rmdir()
    surface.defaults(small="abc")
    surface.start().reached()
    assert surface.model_files() == {"small.gguf": "abc"}


def test_a_missing_data_folder_that_cannot_be_made(surface: Surface) -> None:
    surface.data.rmdir()
    surface.app.chmod(0o555)
    started = surface.start()
    surface.app.chmod(0o755)
    assert started.code == 73
    assert "docker run --volume" in started.err


def test_an_unwritable_data_folder_names_the_fix_with_numbers(surface: Surface) -> None:
    surface.data.chmod(0o555)
    started = surface.start()
    assert started.code == 73
    assert started.service is None
    assert f"sudo chown -R {system_surface.SOMEBODY}:" in started.err
    assert "mode 555" in started.err


@system_surface.needs_root
@pytest.mark.parametrize(
    ("owner", "advice"), [(1000, "docker run --user 1000:1000"), (0, "Leave out --user")]
)
def test_a_data_folder_of_another_user_names_both_fixes(
    surface: Surface, owner: int, advice: str
) -> None:
    surface.own(surface.data, owner)
    started = surface.start(uid=12345)
    assert started.code == 73
    assert advice in started.err
    assert "sudo chown -R 12345:12345" in started.err


def test_a_data_folder_with_a_list_that_cannot_be_written(surface: Surface) -> None:
    surface.file("/opt/mentator-llm-service/data/.default-models", "", 0o444)
    assert surface.start().code == 73


@pytest.mark.parametrize(
    ("fault", "advice"),
    [
        ("Read-only file system", "Mount it without :ro"),
        ("No space left on device", "Free some space"),
        ("Permission denied", "sudo chown -R"),
    ],
)
def test_the_advice_fits_the_fault(surface: Surface, fault: str, advice: str) -> None:
    surface.tool("mkdir", f"echo 'mkdir: cannot create directory: {fault}' >&2; exit 1")
    started = surface.start()
    assert started.code == 73
    assert fault in started.err
    assert advice in started.err


def test_a_folder_that_only_lost_its_write_permission_later(surface: Surface) -> None:
    surface.start().reached()
    surface.data.chmod(0o555)
    started = surface.start()
    assert started.code == 73
    assert "Permission denied; it belongs to" in started.err
