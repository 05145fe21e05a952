#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucr-unpack against hostile archives, and what it may do."""
import gzip
import os
import stat
import subprocess
import time

import tap
import unpacker
import unpack_trees
from image_files import archive, config_of, d, docker_archive, entry, f, layer, raw_header
from unpack_trees import (BASE, ONE, PROGRAM, describe, mounted, names, overlay, refuses,
                          sandbox, tree_of)

# ---- hostile ----------------------------------------------------------------------------

def test_escapes(work):
    """nothing leaves the image: .., absolute names, links, hard links"""
    refuses(layer(f("../canary", "dead")), "leads out", "..")
    refuses(layer(f("a/../../canary", "dead")), "leads out")
    refuses(layer(entry("x", "l", link=".."), f("x/canary", "dead")), "below x", "link")
    refuses(layer(entry("x", "l", link="/tmp"), f("x/y", "dead")), "below x")
    refuses(layer(d("a"), entry("a/x", "l", link="../.."), f("a/x/canary")), "below a/x")
    refuses(layer(entry("h", "h", link="../canary")), "leads out")
    refuses(layer(entry("h", "h", link="/etc/passwd")), "hard link to etc/passwd")
    refuses(layer(entry("x", "l", link=".."), entry("h", "h", link="x/canary")), "below x")
    refuses(layer(entry("h", "h", link=".")), "hard link")
    refuses(layer(d("d"), entry("h", "h", link="d")), "directory")
    refuses(layer(entry("./", "l", link="/")), "root")
    refuses(layer(f("f"), f("f/below")), "below f")
    refuses(layer(f(".wh."), f("a")), "not a valid mark")
    refuses(layer(f(".wh..")), "not a valid mark")
    refuses(layer(f(".wh.x/y")), "not a valid mark")
    tree = tree_of(layer(f("/etc/passwd", "inside"), f("//double//slash", "x"),
                         entry("abs", "l", link="/etc/passwd"), entry("abs2", "h", link="abs")))
    assert tree["etc/passwd"]["data"] == b"inside" and "double/slash" in tree
    assert tree["abs2"]["target"] == "/etc/passwd"


def test_final_links(work):
    """a final link is replaced, never written through"""
    tree = tree_of(layer(f("t", "target"), entry("x", "l", link="t"), f("x", "new")))
    assert tree["t"]["data"] == b"target" and tree["x"]["data"] == b"new"
    tree = tree_of(layer(f("t", "target")), layer(entry("x", "l", link="t"), d("x"), f("x/y")))
    assert tree["x"]["type"] == stat.S_IFDIR


def test_whiteout_escapes(work):
    """whiteouts reach no further than names do"""
    refuses(docker_archive([BASE, layer(f("../.wh.canary"))]), "leads out")
    tree = tree_of(BASE, layer(entry("l", "l", link=".."), f("slink/.wh.a")))
    assert "dir/a" in tree
    tree, notes = tree_of(BASE, layer(entry("file", "c", dev=(0, 0))), notes=True)
    assert tree["file"]["data"] == b"lower" and any("0:0" in note for note in notes)


def test_bounds(work):
    """sizes, counts, depths and ratios have limits, and say so"""
    zeros = gzip.compress(layer(f("zeros", b"\0" * (8 << 20))))
    refuses(zeros, "decompression bomb", limits={"ratio": 100, "ratio_from": 1 << 20})
    refuses(zeros, "limit", limits={"bytes": 1 << 20})
    refuses(layer(*[f(str(n)) for n in range(50)]), "49 members", limits={"entries": 49})
    refuses(layer(f("d/" * 300 + "x")), "directories deep")
    refuses(layer(f("/".join(["x" * 250] * 17))), "path of")
    refuses(layer(f("x" * 256)), "name of more than 255")
    refuses(layer(entry("l", "l", link="x" * 5000)), "target")
    refuses(layer(f("x", pax={"SCHILY.xattr.user.k": "v" * 70000})), "extended attributes")
    refuses(layer(f("x", pax={f"SCHILY.xattr.user.{n}": "v" for n in range(99)})),
            "extended attributes")
    refuses(docker_archive([b"\0" * 1024] * 128), "127")
    refuses(layer(f("x", pax={"uid": "4294967295"})), "impossible uid")
    refuses(layer(f("x", pax={"gid": "99999999999"})), "impossible gid")
    refuses(archive({"manifest.json": b" " * (5 << 20)}), "manifest.json")
    config = config_of([ONE], author="x" * (5 << 20))
    refuses(docker_archive([ONE], config=config), "bytes, the limit")
    size = raw_header(b"x", fill={124: b"77777777777\0"})
    refuses(size + b"\0" * 1024, "")


def test_printable_errors(work):
    """names in messages cannot drive a terminal"""
    refuses(layer(f("../\x1b[2J\x07evil\n")), "leads out")


# ---- rights -----------------------------------------------------------------------------

def test_rootless(work):
    """inside a user namespace: ids are mapped, device nodes are left out with a note"""
    ids = (100000, 1000)
    with sandbox() as box:
        for path in box.path, box.work:
            os.chown(path, *ids[:1] * 2)
        data = box.write(docker_archive([BASE, layer(
            entry("c", "c", dev=(1, 3)), f("mine", uid=7), f("dir/.wh.a"),
            d("other", mode=0), f("other/.wh..wh..opq"))]))
        result = unpacker.import_image(PROGRAM, data, box.work, id_range=ids, is_rootless=True)
        assert any("device node" in note for note in result.notes), result.notes
        tree = describe(result.dirs[1])
        assert "c" not in tree and tree["mine"]["uid"] == 100007
        assert tree["dir/a"]["rdev"] == 0 and tree["dir"]["uid"] == 100005
        for n in range(2):
            unpacker.remove(PROGRAM, box.work, str(n), ids)
        assert os.listdir(box.work) == []


def test_removal(work):
    """"remove" takes one name and nothing else"""
    with sandbox() as box:
        os.makedirs(box.work + "/x/y/z")
        os.symlink("/", box.work + "/x/root")
        unpacker.remove(PROGRAM, box.work, "x")
        unpacker.remove(PROGRAM, box.work, "absent")
        for name in "../canary", "..", ".", "":
            try:
                unpacker.remove(PROGRAM, box.work, name)
            except unpacker.UnpackError:
                continue
            raise AssertionError(name)
        assert os.path.exists(box.path + "/canary")


def test_no_user_attributes(work):
    """where the file system keeps no attributes, every hidden name is marked by itself"""
    with mounted("ramfs", work + "/ramfs") as ramfs:
        archive_path = work + "/image"
        with open(archive_path, "wb") as out:
            out.write(docker_archive([BASE, layer(f("dir/.wh..wh..opq"), f("dir/new"),
                                                  f("dir/sub/z")),
                                      layer(f(".wh.other"), f("other/new"))]))
        result = unpacker.import_image(PROGRAM, archive_path, ramfs)
        with overlay(result.dirs) as point:
            seen = names(describe(point))
        os.mkdir(ramfs + "/merged")
        unpacker.copy(PROGRAM, result.dirs, ramfs + "/merged")
        assert names(describe(ramfs + "/merged")) == seen == [
            "dir", "dir/new", "dir/sub", "dir/sub/z", "file", "other", "other/new", "slink"]
        assert any("cannot keep" in note for note in result.notes), result.notes


def test_full_disk(work):
    """a full file system is told in words"""
    with mounted("tmpfs", work + "/small", "size=1m") as small:
        path = work + "/image"
        with open(path, "wb") as out:
            out.write(docker_archive([layer(f("big", os.urandom(3 << 20)))]))
        try:
            unpacker.import_image(PROGRAM, path, small)
        except unpacker.UnpackError as e:
            assert e.text == "layer 0: write big: No space left on device", e.text
            return
        raise AssertionError("was accepted")


def test_confinement(work):
    """no capability beyond making files, a filter, no new rights, no host paths, no network"""
    if tap.is_sanitized("ucr-unpack"):
        raise tap.Skip("built with sanitizers, which cannot work confined")
    peer = unpacker.Unpacker(PROGRAM)
    try:
        for _ in range(500):
            with open(f"/proc/{peer.pid}/status") as status:
                facts = dict(line.rstrip("\n").split(":\t", 1) for line in status)
            if facts["Seccomp"] == "2":
                break
            time.sleep(0.01)
        assert facts["Seccomp"] == "2", facts
        allowed = sum(1 << cap for cap in (0, 1, 3, 4, 27, 31))
        assert int(facts["CapEff"], 16) & ~allowed == 0, facts
        assert int(facts["CapPrm"], 16) & ~allowed == 0 and int(facts["CapInh"], 16) == 0
        assert facts["NoNewPrivs"] == "1"
        assert os.listdir(f"/proc/{peer.pid}/root") == []
        for kind in "mnt", "net", "ipc", "uts":
            assert os.readlink(f"/proc/{peer.pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")
        with open(f"/proc/{peer.pid}/mountinfo") as mounts:
            lines = mounts.readlines()
        assert len(lines) == 1 and " tmpfs " in lines[0] and " ro," in lines[0], lines
    finally:
        peer.close()


def test_bad_requests(work):
    """what is no request is refused, and nothing crashes"""
    for payload in ({}, {"op": "format"}, {"op": "import"}, {"op": "copy"}, {"op": 3}, [],
                    {"op": "remove"}, {"op": "import", "limits": {"bytes": -1}}):
        peer = unpacker.Unpacker(PROGRAM)
        try:
            peer.send(unpacker.REQUEST, payload)
            peer.receive()
        except unpacker.UnpackError as e:
            assert e.text and e.text.isprintable()
        else:
            raise AssertionError(payload)
        finally:
            assert peer.close() == 0


def test_client_dies(work):
    """a client that goes away ends the work"""
    with sandbox() as box:
        fds = [os.open(box.write(docker_archive([ONE])), os.O_RDONLY),
               os.open(box.work, os.O_RDONLY)]
        peer = unpacker.Unpacker(PROGRAM)
        peer.send(unpacker.REQUEST, {"op": "import"}, fds)
        for fd in fds:
            os.close(fd)
        assert peer.receive()[0] == unpacker.IMAGE
        peer.close()


def test_copy_refuses(work):
    """"copy" writes into an empty directory only"""
    with sandbox() as box:
        os.makedirs(box.work + "/full/x")
        try:
            unpacker.copy(PROGRAM, [box.work], box.work + "/full")
        except unpacker.UnpackError as e:
            assert "not empty" in e.text
            return
        raise AssertionError("was accepted")


def test_pipe(work):
    """an image from standard input"""
    with sandbox() as box:
        source = subprocess.Popen(["cat", box.write(docker_archive([ONE]))],
                                  stdout=subprocess.PIPE)
        result = unpacker.import_image(PROGRAM, source.stdout.fileno(), box.work)
        source.stdout.close()
        source.wait()
        assert names(describe(result.dirs[0])) == ["bin", "bin/true"]
        assert os.listdir(box.work) == ["0"]

if __name__ == "__main__":
    unpack_trees.main(globals())
