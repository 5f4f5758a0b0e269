"""Which files of a folder are read, which are left out, and that no file makes anybody wait."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from otto_reconcile import manifest
from otto_reconcile.errors import InvalidInput
from otto_reconcile.manifest import Loaded
from tests.manifest.test_load import HEAD


def write(folder: Path, *ids: str) -> None:
    for name in ids:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.yaml").write_text(HEAD.replace("{id: a}", f"{{id: {name}}}"))


def load(*paths: Path) -> Loaded:
    return manifest.load(paths, environ={})


def ids(*paths: Path) -> list[str]:
    return [one.bot.id for one in load(*paths).bots]


def refused(*paths: Path) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        load(*paths)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_in_the_folder_is_named_and_not_waited_for(tmp_path: Path, linked: bool) -> None:
    write(tmp_path, "a")
    os.mkfifo(tmp_path / ("pipe" if linked else "x.yaml"))
    if linked:
        (tmp_path / "x.yaml").symlink_to("pipe")
    (line,) = refused(tmp_path)
    assert line.startswith(f"{tmp_path}/x.yaml:1:1: this is a named pipe, not a file")


def test_devices_and_sockets_are_not_read(tmp_path: Path) -> None:
    leader, terminal = os.openpty()
    (tmp_path / "null.yaml").symlink_to("/dev/null")
    (tmp_path / "terminal.yaml").symlink_to(os.ttyname(terminal))
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.yaml"))
        lines = refused(tmp_path)
    os.close(leader)
    os.close(terminal)
    assert len(lines) == 4
    assert sum("this is a terminal or another device" in line for line in lines) == 3
    assert "s.yaml:1:1: this is a socket, not a file" in "\n".join(lines)


def test_links_in_circles_are_told_or_followed_once(tmp_path: Path) -> None:
    write(tmp_path / "x.yaml", "a")  # a folder may be called so
    for number in range(30):  # 2 ** 30 ways lead to the last one
        level = tmp_path / "d" / str(number)
        level.mkdir(parents=True)
        for name in ("left", "right"):
            (level / name).symlink_to(tmp_path / "d" / str(number + 1))
    (tmp_path / "x.yaml" / "up").symlink_to(tmp_path)
    assert ids(tmp_path) == ["a"]
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    (line,) = refused(tmp_path)
    assert line.startswith(f"{tmp_path}/loop.yaml:1:1: this cannot be read: ")


def test_a_file_that_the_system_grows_ends_at_the_limit(tmp_path: Path) -> None:
    big = tmp_path / "big.yaml"
    big.write_text(HEAD + "#" * 1_048_576)
    assert refused(big) == [
        f"{big}:1:1: the file is larger than 1 MB (split it; one bot to a file reads best)"
    ]


def test_a_large_manifest_in_a_folder_is_a_fault(tmp_path: Path) -> None:
    write(tmp_path, "a")
    big = tmp_path / "b.yaml"
    for text in (HEAD + "#" * 1_048_576, "#" * 3_000_000 + "\n" + HEAD):
        big.write_text(text)
        assert refused(tmp_path) == [
            f"{big}:1:1: the file is larger than 1 MB (split it; one bot to a file reads best)"
        ]


@pytest.mark.process
@pytest.mark.parametrize("name", ["/dev/stdin", "/dev/fd/0"])
def test_standard_input_by_its_names(name: str) -> None:
    code = (
        "from pathlib import Path; from otto_reconcile import manifest;"
        f"(one,) = manifest.load([Path({name!r})], environ={{}}).bots; print(one.bot.id, one.file)"
    )
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, input=HEAD, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("a <standard input>\n", "")


def test_names_that_are_no_utf_8_are_told(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"x\xff.yaml")).write_text(HEAD)
    lines = refused(tmp_path)
    why = "the name of this file or of its folder is not UTF-8 (rename it)"
    assert lines == [f"{tmp_path}/x\\xff.yaml:1:1: {why}"]
    assert refused(Path("a\0b.yaml"), Path("x" * 5000, "y.yaml"))


def test_suffixes_count_in_any_case(tmp_path: Path) -> None:
    write(tmp_path, "a", "b", "c")
    for name in ("a.YAML", "b.YML"):
        (tmp_path / f"{name[0]}.yaml").rename(tmp_path / name)
    assert ids(tmp_path) == ["a", "b", "c"]


FOREIGN = {
    "values.yaml": "name: x\nspec: 1\n",
    "package.json": '{"name": "x", "metadata": {}}',
    "tsconfig.json": '{\n  // a remark\n  "strict": true\n}',
    "template.yaml": "{{- if .Values.on }}\nkind: x\n{{ end }}\n",
    "stack.yml": "Resources: !Ref x\nA: !Sub ${x}\n",
    "play.yaml": "- hosts: all\n",
    "pod.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {}\nspec: {}\n---\napiVersion: v1\n",
    "lock.json": '{"x": "' + "y" * 1_100_000 + '"}',
    "latin.yaml": "name: \udcff",
}


def test_files_of_other_programs_have_a_line_each(tmp_path: Path) -> None:
    write(tmp_path, "a")
    for name, text in FOREIGN.items():
        (tmp_path / name).write_bytes(text.encode("utf-8", "surrogateescape"))
    loaded = load(tmp_path)
    assert [one.bot.id for one in loaded.bots] == ["a"]
    assert sorted(Path(line.file).name for line in loaded.foreign) == sorted(FOREIGN)
    assert all("this is no manifest: " in line.message for line in loaded.foreign)
    assert all(".ottoignore" in str(line.hint) for line in loaded.foreign)


@pytest.mark.parametrize(
    "text",
    [
        "apiVersio: otto/v1\nname: x\n",
        "kind: Bot\nname: x\n",
        "metadata: {id: a}\nspec: {name: A}\n",
        "apiVersion: otto/v1\nkind: Bot\nspec: {{\n",
        "apiVersion: otto\n",
        "\ufeffapiVersion: otto/v2",
    ],
)
def test_a_manifest_with_a_slip_is_no_file_of_others(tmp_path: Path, text: str) -> None:
    write(tmp_path, "a")
    (tmp_path / "slip.yaml").write_text(text)
    assert all("slip.yaml" in line for line in refused(tmp_path))
    (tmp_path / "slip.yaml").write_text(text, encoding="utf-16")
    if "otto/v" in text:
        assert "UTF-16" in refused(tmp_path)[0]


def test_a_file_that_is_named_has_to_be_a_manifest(tmp_path: Path) -> None:
    path = tmp_path / "values.yaml"
    path.write_text("name: x\n---\nother: y\n")
    (line,) = refused(path)
    assert line.startswith(f"{path}:1:1: this is no manifest: it has no `apiVersion: otto/v1`")


def test_ottoignore_leaves_out_as_gitignore_does(tmp_path: Path) -> None:
    write(tmp_path, "a", "draft-1", "draft-2", "kept")
    write(tmp_path / "old", "b", "draft-3")
    write(tmp_path / "charts" / "x", "c", "draft-4", "kept-too")
    (tmp_path / ".ottoignore").write_bytes(
        b"\xef\xbb\xbf# not ours\r\ndraft-*\r\n!draft-2.yaml\r\n/old/\r\n/kept.yaml\r\n**/c.yaml"
    )
    (tmp_path / "charts" / ".ottoignore").write_text("!draft-4.yaml\n!/c.yaml\n")
    (tmp_path / "old" / ".ottoignore").write_text("!*\n")  # of a folder that is left out itself
    expected = ["a", "draft-4", "kept-too", "draft-2"]
    assert ids(tmp_path) == expected
    assert ids(tmp_path / "old") == ["b", "draft-3"]
    assert ids(tmp_path / "draft-1.yaml") == ["draft-1"]  # who names a file means it
    names = [path.name for path in manifest.files_below(tmp_path)]
    assert names.count(".ottoignore") == 2
    assert [name[:-5] for name in names if name.endswith(".yaml")] == expected


def test_a_wrong_ottoignore_is_told_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, "a")
    (tmp_path / ".ottoignore").write_text("*.json\n!\n[z-a]\n")
    lines = refused(tmp_path)
    assert [line.removeprefix(f"{tmp_path}/.ottoignore:") for line in lines] == [
        "2:1: this is no pattern of files (write it as in a .gitignore)",
        "3:1: this is no pattern of files (write it as in a .gitignore)",
    ]
    (tmp_path / ".ottoignore").unlink()
    os.mkfifo(tmp_path / ".ottoignore")
    assert "this is a named pipe" in refused(tmp_path)[0]
