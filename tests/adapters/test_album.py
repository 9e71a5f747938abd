"""Pictures of many people in a folder or a zip file, some of them not what they seem."""

from __future__ import annotations

import io
import os
import stat
import struct
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeface.adapters import album
from edgeface.adapters.album import Item, open_album
from edgeface.errors import EnrolmentError, PictureError

JPEG = b"\xff\xd8\xff" + bytes(40)


def packed(path: Path, *entries: tuple[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name twice
        for entry, data in entries:
            archive.writestr(entry, data)
    return path


def listed(path: Path) -> dict[str, str | None]:
    with open_album(path) as found:
        return {item.path: item.problem for item in found.items}


def test_a_folder_is_listed_with_what_is_not_to_be_read(tmp_path: Path) -> None:
    root = tmp_path / "people"
    for name in ("Ada/1.jpg", "Ada/.DS_Store", "Zoe/sub/2.jpg", "loose.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(JPEG)
    (root / "Ada/link.jpg").symlink_to("/etc/passwd")
    (root / "Eve").symlink_to(root / "Ada", target_is_directory=True)
    os.mkfifo(root / "Ada/pipe.jpg")
    found = listed(root)
    assert list(found) == sorted(found)
    assert {path for path, problem in found.items() if problem is None} == {
        "Ada/1.jpg", "Ada/pipe.jpg", "Zoe/sub/2.jpg", "loose.jpg"
    }  # fmt: skip
    assert "a link" in str(found["Ada/link.jpg"])
    assert "a link" in str(found["Eve"])
    assert found["Ada/.DS_Store"] == "a hidden file"
    with open_album(root) as opened:
        byte = {item.path: item for item in opened.items}
        assert opened.read(byte["Ada/1.jpg"]) == JPEG
        for name in ("Ada/pipe.jpg", "Ada/link.jpg"):
            with pytest.raises(PictureError, match="unreadable"):
                opened.read(byte[name])


def test_a_name_that_is_no_text_is_listed(tmp_path: Path) -> None:
    (tmp_path / "Ada").mkdir()
    (Path(os.fsdecode(os.fsencode(tmp_path / "Ada") + b"/\xff.jpg"))).write_bytes(JPEG)
    with open_album(tmp_path) as opened:
        (item,) = opened.items
        assert opened.read(item) == JPEG


def test_a_zip_file_is_read_in_memory(tmp_path: Path) -> None:
    path = packed(tmp_path / "p.zip", ("people/Ada/1.jpg", JPEG), ("people/Ada/", b""), ("a.jpg", b"x"))
    with open_album(path) as opened:
        first, second = opened.items
        assert (first.path, second.path) == ("a.jpg", "people/Ada/1.jpg")
        assert opened.read(second) == JPEG
    assert [entry.name for entry in tmp_path.iterdir()] == ["p.zip"]


def link() -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo("Ada/link.jpg")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("../../etc/cron.d/x.jpg", "leads out"),
        ("/etc/x.jpg", "leads out"),
        ("Ada\\..\\..\\x.jpg", "leads out"),
        ("C:/x.jpg", "leads out"),
        ("Ada/../x.jpg", "leads out"),
        (link(), "a link"),
        ("__MACOSX/Ada/._1.jpg", "hidden"),
        ("Ada/.hidden.jpg", "hidden"),
    ],
)
def test_entries_that_are_not_read(tmp_path: Path, entry: str | zipfile.ZipInfo, sentence: str) -> None:
    ((_, problem),) = listed(packed(tmp_path / "p.zip", (entry, JPEG))).items()
    assert sentence in str(problem)


def test_an_encrypted_entry_says_so(tmp_path: Path) -> None:
    path = packed(tmp_path / "p.zip", ("Ada/1.jpg", JPEG))
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    path.write_bytes(data)
    assert "encrypted" in str(listed(path)["Ada/1.jpg"])


def test_another_way_of_packing_says_so(tmp_path: Path) -> None:
    path = packed(tmp_path / "p.zip", ("Ada/1.jpg", JPEG), method=zipfile.ZIP_LZMA)
    assert "packed in a way" in str(listed(path)["Ada/1.jpg"])


def test_a_name_that_stands_twice_is_read_neither_way(tmp_path: Path) -> None:
    path = packed(tmp_path / "p.zip", ("Ada/1.jpg", JPEG), ("Ada/1.jpg", b"other"))
    assert "this name twice" in str(listed(path)["Ada/1.jpg"])


def test_names_in_utf8_without_the_flag(tmp_path: Path) -> None:
    path = packed(tmp_path / "p.zip", ("Zoe/ab.jpg", JPEG))
    data = path.read_bytes().replace(b"ab.jpg", "\u00e9".encode() + b".jpg")
    path.write_bytes(data)
    assert list(listed(path)) == ["Zoe/\u00e9.jpg"]


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(album, "_LIMITS", album.DecodeLimits(max_bytes=1 << 20))
    path = packed(tmp_path / "p.zip", ("Ada/1.jpg", bytes(2 << 20)))
    assert "larger than 1 MiB" in str(listed(path)["Ada/1.jpg"])
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):  # it says that it is small
        struct.pack_into("<L", data, data.index(mark) + place, 1000)
    path.write_bytes(data)
    with open_album(path) as opened, pytest.raises(PictureError):
        opened.read(opened.items[0])


def test_entries_that_share_bytes_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "p.zip", ("Ada/1.jpg", JPEG), ("Ada/2.jpg", JPEG))
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\x01\x02")
    struct.pack_into("<L", data, second + 42, 0)  # it begins where the first does
    path.write_bytes(data)
    with pytest.raises(EnrolmentError, match="share bytes"), open_album(path):
        pass


def test_a_directory_out_of_proportion_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = packed(tmp_path / "p.zip", *((f"Ada/{n}.jpg", b"") for n in range(100)))
    monkeypatch.setattr(album, "MAX_DIRECTORY_BYTES", 4000)
    with pytest.raises(EnrolmentError, match="enrol it in parts"), open_album(path):
        pass


def test_a_large_zip_files_own_record_counts(tmp_path: Path) -> None:
    """A record of a large file (zip64) that claims more than the ordinary one."""
    path = packed(tmp_path / "p.zip", ("Ada/1.jpg", JPEG))
    data = path.read_bytes()
    at = data.rindex(b"PK\x05\x06")
    record = struct.pack("<4sQHHLLQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 1 << 40, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    path.write_bytes(data[:at] + record + locator + data[at:])
    with pytest.raises(EnrolmentError, match="enrol it in parts"), open_album(path):
        pass


@pytest.mark.parametrize("data", [b"", b"hello", b"PK\x05\x06", b"PK\x05\x06" + b"\xff" * 18, JPEG * 100])
def test_what_is_no_zip_file(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "p.zip").write_bytes(data)
    with pytest.raises(EnrolmentError, match=r"whole zip file|in parts"), open_album(tmp_path / "p.zip"):
        pass
    with pytest.raises(EnrolmentError, match="no such file"), open_album(tmp_path / "missing.zip"):
        pass


def test_too_many_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index in range(5):
        (tmp_path / f"{index}.jpg").write_bytes(b"")
    monkeypatch.setattr(album, "MAX_FILES", 4)
    with pytest.raises(EnrolmentError, match="in parts"), open_album(tmp_path):
        pass


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flips=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=12), cut=st.integers(0, 400))
def test_a_damaged_zip_file_is_read_or_refused_by_name(tmp_path: Path, flips: list[tuple[int, int]], cut: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Ada/1.jpg", JPEG * 3)
        archive.writestr("Zoe/2.jpg", JPEG)
    data = bytearray(out.getvalue())
    for place, value in flips:
        data[place % len(data)] = value
    path = tmp_path / "p.zip"
    path.write_bytes(data[: len(data) - cut] if cut < 40 else data)
    with suppress(EnrolmentError), open_album(path) as opened:
        for item in opened.items:
            assert isinstance(item, Item)
            if item.problem is None:
                with suppress(PictureError):
                    opened.read(item)
