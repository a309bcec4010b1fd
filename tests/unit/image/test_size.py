from __future__ import annotations

from typing import Any

from scripts.image.size import Layer, Sizes, combine, from_record, table

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
PLAIN = "application/vnd.oci.image.layer.v1.tar"

#: As `docker history` prints it, newest first; an ENV and a CMD step made no layer.
HISTORY: list[dict[str, Any]] = [
    {"CreatedBy": 'CMD ["node"]', "Size": "0"},
    {"CreatedBy": "RUN /bin/sh -c true # buildkit", "Size": "0"},
    {"CreatedBy": "COPY /app /app # buildkit", "Size": "2000"},
    {"CreatedBy": "ENV A=1", "Size": "0"},
    {"CreatedBy": "mmdebstrap trixie", "Size": "5000"},
]
CONFIG: dict[str, Any] = {
    "history": [
        {"created_by": "mmdebstrap trixie"},
        {"created_by": "ENV A=1", "empty_layer": True},
        {"created_by": "COPY /app /app # buildkit"},
        {"created_by": "RUN /bin/sh -c true # buildkit"},
        {"created_by": 'CMD ["node"]', "empty_layer": True},
    ]
}


def manifest(kind: str = GZIP) -> dict[str, Any]:
    sizes = (1500, 700, 32)
    return {
        "config": {"digest": "sha256:config"},
        "layers": [{"mediaType": kind, "size": size} for size in sizes],
    }


def documents(kind: str = GZIP, config: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "index.json": {"manifests": [{"digest": "sha256:manifest"}]},
        "sha256:manifest": manifest(kind),
        "sha256:config": CONFIG if config is None else config,
    }


JOINED = (
    Layer("mmdebstrap trixie", 5000, 1500),
    Layer("COPY /app /app # buildkit", 2000, 700),
    # A step that made a layer without any file: it is a layer all the same.
    Layer("RUN /bin/sh -c true # buildkit", 0, 32),
)


def test_history_and_manifest_are_joined_without_the_steps_that_made_no_layer() -> None:
    sizes = combine(HISTORY, documents())
    assert sizes.layers == JOINED
    assert (sizes.unpacked, sizes.compressed) == (7000, 2232)


def test_an_index_of_platforms_leads_to_its_first_image() -> None:
    found = documents()
    found["index.json"] = {"manifests": [{"digest": "sha256:index"}]}
    found["sha256:index"] = {
        "manifests": [{"digest": "sha256:absent"}, {"digest": "sha256:manifest"}]
    }
    assert combine(HISTORY, found).layers == JOINED


def test_a_store_that_keeps_layers_unpacked_has_no_compressed_sizes() -> None:
    unpacked = (
        Layer("mmdebstrap trixie", 5000, None),
        Layer("COPY /app /app # buildkit", 2000, None),
    )
    stores: list[dict[str, Any]] = [documents(PLAIN), {}, {"index.json": {"manifests": []}}]
    for found in stores:
        sizes = combine(HISTORY, found)
        assert sizes.layers == unpacked
        assert sizes.compressed is None


def test_a_base_without_history_is_not_guessed_at() -> None:
    short = {"history": CONFIG["history"][1:]}
    assert combine(HISTORY, documents(config=short)).compressed is None


def test_a_record_gives_the_sizes_back() -> None:
    sizes = Sizes(JOINED)
    record = sizes.record()
    assert (record["unpacked_bytes"], record["compressed_bytes"]) == (7000, 2232)
    assert from_record(record) == sizes


def test_the_table_is_for_a_person() -> None:
    assert table(Sizes((*JOINED, Layer("RUN " + "x" * 100, 1, None)))).splitlines() == [
        "  unpacked     pulled  layer",
        "    5.0 kB     1.5 kB  mmdebstrap trixie",
        "    2.0 kB      700 B  COPY /app /app",
        "       0 B       32 B  true",
        f"       1 B          -  {'x' * 72}...",
        "    7.0 kB          -  total",
    ]
