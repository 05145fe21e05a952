#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucr-unpack against archives that are legal but awkward, and against hostile ones."""
import bz2
import contextlib
import gzip
import json
import lzma
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import time

import tap
import unpacker
from image_files import (Layout, archive, block, config_of, d, digest, docker_archive, entry, f,
                      layer, raw_header, MTIME)

PROGRAM = os.path.join(tap.build_dir(), "bin", "ucr-unpack")
CLOSED = 1234567890.5


class Sandbox:
    """A directory with a canary beside the place that is unpacked to."""

    def __init__(self, path):
        self.path = path
        self.work = os.path.join(path, "work")
        os.mkdir(self.work)
        with open(os.path.join(path, "canary"), "w") as c:
            c.write("alive")
        os.utime(os.path.join(path, "canary"), (CLOSED, CLOSED))

    def write(self, data, name="image"):
        path = os.path.join(self.path, name)
        with open(path, "wb") as out:
            out.write(data)
        return path

    def unpack(self, data, **request):
        result = unpacker.import_image(PROGRAM, self.write(data), self.work, **request)
        self.check_outside()
        return result

    def merged(self, result):
        path = os.path.join(self.path, "merged")
        os.mkdir(path)
        unpacker.copy(PROGRAM, result.dirs, path)
        return path

    def check_outside(self):
        assert sorted(set(os.listdir(self.path)) - {"merged"}) == ["canary", "image", "work"], \
            os.listdir(self.path)
        st = os.lstat(os.path.join(self.path, "canary"))
        assert (st.st_nlink, st.st_mtime, st.st_size) == (1, CLOSED, 5)


@contextlib.contextmanager
def sandbox():
    path = tempfile.mkdtemp(prefix="ucr-unpack-", dir=os.environ.get("UCR_TEST_DIR"))
    try:
        yield Sandbox(path)
    finally:
        shutil.rmtree(path)


def describe(root):
    """Everything that can be said of a tree: {path: facts}."""
    tree, inodes = {}, {}
    for base, dirs, files in os.walk(os.fsencode(root)):
        for name in [b"."] * (base == os.fsencode(root)) + dirs + files:
            path = os.path.join(base, name)
            shown = os.fsdecode(os.path.relpath(path, os.fsencode(root)))
            st = os.lstat(path)
            facts = {"mode": stat.S_IMODE(st.st_mode), "type": stat.S_IFMT(st.st_mode),
                     "uid": st.st_uid, "gid": st.st_gid, "mtime": st.st_mtime_ns,
                     "xattrs": {k: os.getxattr(path, k, follow_symlinks=False)
                                for k in os.listxattr(path, follow_symlinks=False)}}
            if stat.S_ISLNK(st.st_mode):
                facts["target"] = os.fsdecode(os.readlink(path))
                del facts["mode"]
            if stat.S_ISREG(st.st_mode):
                with open(path, "rb") as data:
                    facts["data"] = data.read()
                facts["first_name"] = inodes.setdefault(st.st_ino, None) or shown
            if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
                facts["rdev"] = st.st_rdev
            tree[shown] = facts
    return tree


@contextlib.contextmanager
def overlay(dirs):
    """The layers as a container will see them."""
    with tempfile.TemporaryDirectory() as point:
        if len(dirs) == 1:
            subprocess.run(["mount", "--bind", dirs[0], point], check=True)
        else:
            lower = ":".join(reversed(dirs))
            subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                            f"ro,userxattr,lowerdir={lower}", point], check=True)
        try:
            yield point
        finally:
            subprocess.run(["umount", point], check=True)


def tree_of(*layers, notes=False, **kw):
    """Unpacks layers, looks through overlayfs and at the copy, which must agree."""
    with sandbox() as box:
        result = box.unpack(docker_archive(list(layers), **kw))
        copied = describe(box.merged(result))
        with overlay(result.dirs) as point:
            mounted = describe(point)
        for tree in copied, mounted:
            for facts in tree.values():
                facts["xattrs"].pop("user.overlay.opaque", None)
        assert copied.keys() == mounted.keys(), (copied.keys() ^ mounted.keys())
        for name in copied:
            assert copied[name] == mounted[name], (name, copied[name], mounted[name])
        return (copied, result.notes) if notes else copied


def refuses(data, *words, **request):
    """One line of error with these words, and nothing outside."""
    with sandbox() as box:
        try:
            box.unpack(data, **request)
        except unpacker.UnpackError as e:
            assert "\n" not in e.text and e.text.isprintable(), e.text
            for word in words:
                assert word in e.text + e.hint, (word, e.text, e.hint)
            box.check_outside()
            return
        raise AssertionError("was accepted")


def names(tree):
    return sorted(set(tree) - {"."})


# ---- attributes -------------------------------------------------------------------------

def test_attributes(work):
    """modes, owners, times and links are exact"""
    tree = tree_of(layer(
        d("./", mode=0o2751, uid=5, gid=6, mtime=11),
        f("suid", "x", mode=0o4755, uid=7, gid=8), f("sgid", mode=0o2755, gid=9),
        d("sticky", mode=0o1777), d("setgid", mode=0o2775, gid=50), f("setgid/in", gid=3),
        f("setgid/root"), d("closed", mode=0), f("closed/in", "y", mode=0),
        entry("link", "l", link="/nowhere", uid=4, gid=4, mtime=12),
        entry("pipe", "p", mode=0o600, uid=2), entry("c", "c", dev=(1, 3), mode=0o666),
        entry("b", "b", dev=(7, 300), mode=0o660, gid=6),
        f("a", "hard"), entry("h", "h", link="a"), f("big-id", uid=4000000000)))
    root = tree["."]
    assert (root["mode"], root["uid"], root["gid"], root["mtime"]) == (0o2751, 5, 6, 11 * 10**9)
    assert (tree["suid"]["mode"], tree["suid"]["uid"], tree["suid"]["gid"]) == (0o4755, 7, 8)
    assert tree["sgid"]["mode"] == 0o2755 and tree["sticky"]["mode"] == 0o1777
    assert tree["setgid"]["mode"] == 0o2775 and tree["setgid"]["mtime"] == MTIME * 10**9
    assert tree["setgid/in"]["gid"] == 3 and tree["setgid/root"]["gid"] == 0
    assert tree["closed"]["mode"] == 0 and tree["closed/in"]["data"] == b"y"
    assert tree["link"]["target"] == "/nowhere" and tree["link"]["mtime"] == 12 * 10**9
    assert tree["link"]["uid"] == 4 and tree["pipe"]["type"] == stat.S_IFIFO
    assert tree["c"]["rdev"] == os.makedev(1, 3) and tree["b"]["rdev"] == os.makedev(7, 300)
    assert tree["h"]["data"] == b"hard" and tree["big-id"]["uid"] == 4000000000


def test_times(work):
    """times before 1970 and fractions of seconds are exact"""
    tree = tree_of(layer(f("a", pax={"mtime": "-1.5"}), f("b", pax={"mtime": "-100"}),
                         f("c", pax={"mtime": "5.123456789"}), d("d", pax={"mtime": "-7.25"})))
    assert tree["a"]["mtime"] == -1500000000 and tree["b"]["mtime"] == -100 * 10**9
    assert tree["c"]["mtime"] == 5123456789 and tree["d"]["mtime"] == -7250000000


def test_odd_names(work):
    """names are bytes: not normalised, not decoded"""
    given = ["e\u0301", "\u00e9", "\udcff\udcfe", "new\nline", "back\\slash", " ", "n" * 255,
             "/".join(["deep" * 20] * 10)]
    for form in tarfile.PAX_FORMAT, tarfile.GNU_FORMAT:
        tree = tree_of(layer(*[f(name, "x") for name in given], form=form))
        assert set(given) <= set(tree), names(tree)


def test_xattrs(work):
    """extended attributes, file capabilities among them; overlayfs's own are left out"""
    cap = bytes.fromhex("0100000200200000000000000000000000000000")
    pax = {"SCHILY.xattr.user.k": "v", "SCHILY.xattr.user.overlay.opaque": "y",
           "SCHILY.xattr.trusted.overlay.opaque": "y"}
    raw = b"".join(b"%d %s\n" % (len(x) + 4, x) for x in
                   [b"SCHILY.xattr.security.capability=" + cap])
    capable = raw_header(b"x", len(raw), b"x") + block(raw) + raw_header(b"capable", mode=0o755,
                                                                         uid=9)
    tree, notes = tree_of(layer(f("file", pax=pax), d("dir", pax=pax), capable), notes=True)
    assert tree["file"]["xattrs"] == {"user.k": b"v"}, tree["file"]
    assert tree["dir"]["xattrs"] == {"user.k": b"v"}, tree["dir"]
    assert tree["capable"]["xattrs"] == {"security.capability": cap}, tree["capable"]
    assert any("overlayfs" in note for note in notes), notes


# ---- layers on layers -------------------------------------------------------------------

BASE = layer(d("./", mode=0o711, mtime=3), d("dir", mode=0o2750, uid=5, gid=6, mtime=77,
                                             pax={"SCHILY.xattr.user.k": "v"}),
             f("dir/a", "a"), f("dir/b", "b"), d("dir/sub"), f("dir/sub/c", "c"),
             f("file", "lower"), entry("slink", "l", link="dir"), d("other"), f("other/o"))


def test_implied_parents(work):
    """a directory that the layer does not describe stays as it was"""
    tree = tree_of(BASE, layer(f("dir/new", "n"), f("fresh/deep/x")))
    assert tree["."]["mode"] == 0o711 and tree["."]["mtime"] == 3 * 10**9
    facts = tree["dir"]
    assert (facts["mode"], facts["uid"], facts["gid"], facts["mtime"]) == (0o2750, 5, 6, 77 * 10**9)
    assert facts["xattrs"] == {"user.k": b"v"}
    assert tree["fresh/deep"]["mode"] == 0o755 and "dir/a" in tree


def test_described_directory(work):
    """a directory in both layers takes the new attributes and drops the old"""
    tree = tree_of(BASE, layer(d("dir", mode=0o700, mtime=8)))
    assert (tree["dir"]["mode"], tree["dir"]["uid"], tree["dir"]["mtime"]) == (0o700, 0, 8 * 10**9)
    assert tree["dir"]["xattrs"] == {} and tree["dir/a"]["data"] == b"a"


def test_whiteouts(work):
    """a whiteout deletes below, and is seen nowhere"""
    tree = tree_of(BASE, layer(f("dir/.wh.a"), f(".wh.other"), f(".wh.absent"),
                               f("nowhere/.wh.x")))
    assert "dir/a" not in tree and "dir/b" in tree and "other" not in tree
    assert "nowhere" not in tree and not [n for n in tree if ".wh." in n]
    assert tree["dir"]["mode"] == 0o2750 and tree["dir"]["mtime"] == 77 * 10**9


def test_whiteout_order(work):
    """a whiteout only counts against lower layers, before or after the same name"""
    for entries in ([f(".wh.file"), f("file", "new")], [f("file", "new"), f(".wh.file")]):
        assert tree_of(BASE, layer(*entries))["file"]["data"] == b"new"
    for entries in ([f(".wh.dir"), d("dir", mode=0o711), f("dir/new")],
                    [d("dir", mode=0o711), f("dir/new"), f(".wh.dir")],
                    [f("dir/new"), f(".wh.dir"), d("dir", mode=0o711)]):
        tree = tree_of(BASE, layer(*entries))
        assert sorted(n for n in tree if n.startswith("dir")) == ["dir", "dir/new"], names(tree)
        assert tree["dir"]["mode"] == 0o711
    tree = tree_of(BASE, layer(f("dir/new"), f(".wh.dir")))
    assert tree["dir"]["mode"] == 0o755 and tree["dir"]["uid"] == 0


def test_opaque(work):
    """an opaque directory hides what is below, wherever the mark stands"""
    for entries in ([f("dir/.wh..wh..opq"), f("dir/new")], [f("dir/new"), f("dir/.wh..wh..opq")],
                    [d("dir", mode=0o2750, uid=5, gid=6), f("dir/new"), f("dir/.wh..wh..opq")]):
        tree = tree_of(BASE, layer(*entries))
        assert sorted(n for n in tree if n.startswith("dir")) == ["dir", "dir/new"]
        assert tree["dir"]["mode"] == 0o2750
    tree = tree_of(BASE, layer(f("dir/.wh..wh..opq"), f("dir/sub/z")))
    assert sorted(n for n in tree if n.startswith("dir/")) == ["dir/sub", "dir/sub/z"]
    assert names(tree_of(BASE, layer(f(".wh..wh..opq"), f("only")))) == ["only"]


def test_opaque_then_more(work):
    """a third layer shows through an opaque one, and no further"""
    tree = tree_of(BASE, layer(f("dir/.wh..wh..opq"), f("dir/2")), layer(f("dir/3")))
    assert sorted(n for n in tree if n.startswith("dir/")) == ["dir/2", "dir/3"]
    tree = tree_of(BASE, layer(f(".wh.dir")), layer(f("dir/3")))
    assert sorted(n for n in tree if n.startswith("dir")) == ["dir", "dir/3"]
    assert tree["dir"]["mode"] == 0o755


def test_changed_types(work):
    """directories become files, files and links become directories"""
    tree = tree_of(BASE, layer(f("dir", "now a file"), d("file"), f("file/x"), d("slink"),
                               f("slink/y")))
    assert tree["dir"]["data"] == b"now a file" and "dir/a" not in tree
    assert tree["file/x"] and tree["slink"]["type"] == stat.S_IFDIR
    tree = tree_of(BASE, layer(f("dir")), layer(d("dir"), f("dir/z")))
    assert sorted(n for n in tree if n.startswith("dir")) == ["dir", "dir/z"]


def test_through_lower_link(work):
    """a member below a link of a lower layer goes where the link leads"""
    tree = tree_of(BASE, layer(f("slink/new", "n")))
    assert tree["slink"]["type"] == stat.S_IFLNK and tree["dir/new"]["data"] == b"n"
    assert tree["dir"]["mode"] == 0o2750
    tree = tree_of(layer(d("usr"), d("usr/lib"), entry("lib", "l", link="/usr/lib")),
                   layer(f("lib/x"), entry("lib/y", "h", link="lib/x")))
    assert "usr/lib/y" in tree and tree["lib"]["type"] == stat.S_IFLNK
    refuses(docker_archive([layer(entry("up", "l", link="../../../..")), layer(f("up/x"))]),
            "out of the image")


def test_hard_link_to_lower(work):
    """a hard link into a lower layer finds its file"""
    tree = tree_of(BASE, layer(entry("h", "h", link="dir/a"), entry("h2", "h", link="h")))
    assert tree["h"]["data"] == b"a" and tree["dir/a"]["data"] == b"a" and tree["h2"]["data"] == b"a"
    assert tree["dir"]["mode"] == 0o2750
    tree = tree_of(BASE, layer(entry("h", "h", link="dir/a"), f("dir/.wh.a")))
    assert tree["h"]["data"] == b"a" and "dir/a" not in tree


def test_hard_link_to_hidden(work):
    """what a hard link names below stays hidden, unless it is a member itself"""
    base = layer(d("dir"), f("dir/a", "a"), d("dir/sub"), f("dir/sub/b", "b"), f("c", "c"))
    to_a, to_b = entry("h", "h", link="dir/a"), entry("h", "h", link="dir/sub/b")
    for entries, want in (
            ([to_a, f("dir/.wh..wh..opq")], ["c", "dir", "h"]),
            ([to_b, f("dir/.wh..wh..opq")], ["c", "dir", "h"]),
            ([to_b, d("dir/sub"), f("dir/.wh..wh..opq")], ["c", "dir", "dir/sub", "h"]),
            ([to_b, f(".wh..wh..opq")], ["h"]),
            ([to_b, f("dir/.wh.sub")], ["c", "dir", "dir/a", "h"]),
            ([to_b, f(".wh.dir")], ["c", "h"]),
            ([to_a, f("dir/n"), f(".wh.dir")], ["c", "dir", "dir/n", "h"]),
            ([entry("dir/h", "h", link="dir/a"), f("dir/.wh..wh..opq")], ["c", "dir", "dir/h"]),
            ([to_a, f("dir/a", "own"), f("dir/.wh.a")],
             ["c", "dir", "dir/a", "dir/sub", "dir/sub/b", "h"]),
            ([to_a, f("dir/a", "own"), f("dir/.wh..wh..opq")], ["c", "dir", "dir/a", "h"]),
            ([to_a, entry("dir/a", "h", link="h"), f("dir/.wh..wh..opq")],
             ["c", "dir", "dir/a", "h"]),
            ([entry("dir/a", "h", link="dir/a"), f("dir/.wh..wh..opq")],
             ["c", "dir", "dir/a"])):
        tree = tree_of(base, layer(*entries))
        assert names(tree) == want, (names(tree), want)
        link = tree.get("h") or tree.get("dir/h")
        assert not link or link["data"] in (b"a", b"b")
        if any(member[1] == b"own" for member in entries):
            assert tree["dir/a"]["data"] == b"own"


def test_duplicates(work):
    """of two members with one name the last counts"""
    tree = tree_of(layer(f("a", "1"), f("a", "2"), d("b"), f("b/x"), f("b", "file"), f("c"),
                         d("c"), f("c/y"), d("e", mode=0o700), d("e", mode=0o711),
                         f("h1", "h"), entry("h2", "h", link="h1"), f("h1", "other")))
    assert tree["a"]["data"] == b"2" and tree["b"]["data"] == b"file" and "b/x" not in tree
    assert "c/y" in tree and tree["e"]["mode"] == 0o711
    assert tree["h2"]["data"] == b"h" and tree["h1"]["data"] == b"other"


def test_aufs_leftovers(work):
    """what docker's aufs driver left in old images is skipped"""
    tree, notes = tree_of(layer(d(".wh..wh.plnk"), f(".wh..wh.plnk/1.2"), f(".wh..wh.aufs"),
                                d(".wh..wh.orph"), f("a")), notes=True)
    assert names(tree) == ["a"] and any("aufs" in note for note in notes)


# ---- kinds of tar -----------------------------------------------------------------------

def test_tar_dialects(work):
    """v7, ustar with prefix, base-256 numbers, a global PAX header, no end mark"""
    v7 = raw_header(b"old", 3, b"\0", magic=b"") + block(b"old") + raw_header(b"olddir/", magic=b"")
    far = raw_header(b"name", 1, prefix=b"some/prefix") + block(b"p")
    huge_id = raw_header(b"id", fill={108: (0x80 << 56 | 70000).to_bytes(8, "big")})
    negative = raw_header(b"neg", fill={136: ((1 << 96) - 9).to_bytes(12, "big")})
    tree = tree_of(v7 + far + huge_id + negative)
    assert tree["old"]["data"] == b"old" and tree["olddir"]["type"] == stat.S_IFDIR
    assert tree["some/prefix/name"]["data"] == b"p" and tree["id"]["uid"] == 70000
    assert tree["neg"]["mtime"] == -9 * 10**9
    assert names(tree_of(layer(f("a"), headers={"comment": "1234"}))) == ["a"]


def test_sparse_files(work):
    """sparse files of all three PAX forms and of GNU keep holes and data"""
    with sandbox() as box:
        path = os.path.join(box.path, "s")
        with open(path, "wb") as s:
            s.seek(1 << 20)
            s.write(b"middle")
            s.truncate(3 << 20)
        for arguments in (["--format=gnu"], ["--format=pax", "--sparse-version=0.0"],
                          ["--format=pax", "--sparse-version=0.1"],
                          ["--format=pax", "--sparse-version=1.0"]):
            data = subprocess.run(["tar", "-S", *arguments, "-C", box.path, "-cf", "-", "s"],
                                  check=True, stdout=subprocess.PIPE).stdout
            assert len(data) < 1 << 20
            with sandbox() as inner:
                result = inner.unpack(docker_archive([data]))
                for root in result.dirs[0], inner.merged(result):
                    got = os.path.join(root, "s")
                    assert open(got, "rb").read() == open(path, "rb").read(), arguments
                    assert os.stat(got).st_blocks * 512 < 1 << 20, "holes were filled"


def test_empty_layers(work):
    """layers without members: the end mark alone, and nothing at all"""
    tree = tree_of(layer(f("a")), b"\0" * 1024, b"")
    assert names(tree) == ["a"] and tree["."]["mode"] == 0o755
    with sandbox() as box:
        assert box.unpack(docker_archive([])).layers == []


def test_compressions(work):
    """gzip, bzip2, xz, zstd, lz4; several members, padding, skippable frames"""
    data = layer(f("a", "data" * 5000))

    def tool(*command):
        return lambda x: subprocess.run(command, input=x, stdout=subprocess.PIPE,
                                        check=True).stdout

    def pieces(x):
        return [x[i:i + 999] for i in range(0, len(x), 999)]
    skip = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"12345"
    zstd = tool("zstd", "-c")
    ways = {
        "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd,
        "lz4": tool("lz4", "-c"), "none": lambda x: x,
        "gzip members": lambda x: b"".join(gzip.compress(p) for p in pieces(x)),
        "gzip padded": lambda x: gzip.compress(x) + b"\0" * 1000,
        "zstd frames": lambda x: b"".join(zstd(p) for p in pieces(x)),
        "zstd with a frame to skip": lambda x: zstd(x) + skip,
    }
    for way, compress in ways.items():
        try:
            with sandbox() as box:
                packed = compress(data)  # gzip writes the time: not twice the same
                result = box.unpack(docker_archive([data], compress=lambda _: packed))
                assert result.layers[0]["diff_id"] == digest(data)
                assert result.layers[0]["digest"] == digest(packed)
            with sandbox() as box:  # and around everything
                image = box.unpack(compress(docker_archive([data]))).image
                assert image["names"] == ["test:1"], (way, image)
            with sandbox() as box:
                assert box.unpack(compress(data)).image["format"] == "tar"
        except unpacker.UnpackError as e:
            raise AssertionError(f"{way}: {e.text}")


# ---- formats ----------------------------------------------------------------------------

ONE = layer(d("bin"), f("bin/true", "x"))


def test_docker_several(work):
    """several images in one archive: told by tag, listed when it is missing"""
    configs = [config_of([ONE], author=a) for a in ("x", "y")]
    manifest = [{"Config": f"{i}.json", "RepoTags": [f"repo/app:{i}"], "Layers": ["l.tar"]}
                for i in range(2)]
    data = archive({"l.tar": ONE, "0.json": configs[0], "1.json": configs[1],
                    "manifest.json": json.dumps(manifest).encode()})
    refuses(data, "2 images", "repo/app:0", "repo/app:1", "FILE:TAG")
    refuses(data, "no image named nope", "repo/app:0", tag="nope")
    for tag in "1", "repo/app:1":
        with sandbox() as box:
            assert box.unpack(data, tag=tag).config == configs[1]


def test_docker_short_names(work):
    """the names that podman gives are found by what follows localhost/"""
    def saved(*names):
        files = {f"{i}.json": config_of([ONE], author=name) for i, name in enumerate(names)}
        manifest = [{"Config": f"{i}.json", "RepoTags": [name], "Layers": ["l.tar"]}
                    for i, name in enumerate(names)]
        return archive({"l.tar": ONE, **files, "manifest.json": json.dumps(manifest).encode()})

    def chosen(data, tag):
        with sandbox() as box:
            return json.loads(box.unpack(data, tag=tag).config)["author"]

    data = saved("localhost/aa:1", "localhost/bb:1", "localhost/bb:latest")
    assert chosen(data, "aa:1") == "localhost/aa:1"
    assert chosen(data, "bb") == "localhost/bb:latest"
    refuses(data, "2 images", tag="1")
    data = saved("aa:1", "localhost/aa:1", "docker.io/library/bb:1", "localhost/bb:1")
    assert chosen(data, "aa:1") == "aa:1"
    refuses(data, "2 images", tag="bb:1")
    assert chosen(data, "localhost/bb:1") == "localhost/bb:1"


def test_docker_links(work):
    """layer.tar as a link to another layer's, a compressed layer, no tags"""
    two = layer(f("two"))
    manifest = [{"Config": "c.json", "RepoTags": None,
                 "Layers": ["a/layer.tar", "b/layer.tar", "c/layer.tar"]}]
    with sandbox() as box:
        result = box.unpack(archive({
            "a/layer.tar": "../b/layer.tar", "b/layer.tar": ONE, "c/layer.tar": gzip.compress(two),
            "c.json": config_of([ONE, ONE, two]), "manifest.json": json.dumps(manifest).encode()}))
        assert "two" in names(describe(box.merged(result)))
        assert result.image["names"] == [] and result.image["format"] == "docker-archive"
    refuses(archive({"a": "b", "b": "a", "c.json": config_of([ONE]), "manifest.json":
                     b'[{"Config":"c.json","Layers":["a"]}]'}), "circle")


def test_docker_v1(work):
    """the layout before docker 1.10: json and layer.tar by parent"""
    ids = ["%064x" % n for n in (1, 2)]
    files = {}
    for n, data in enumerate([ONE, layer(f("two"))]):
        doc = {"id": ids[n], "os": "linux", "architecture": "amd64",
               "config": {"Cmd": ["/bin/true", str(n)]}}
        if n:
            doc["parent"] = ids[n - 1]
        files[ids[n] + "/json"] = json.dumps(doc).encode()
        files[ids[n] + "/VERSION"] = b"1.0"
        files[ids[n] + "/layer.tar"] = data
    for extra in {}, {"repositories": json.dumps({"old": {"7": ids[1]}}).encode()}:
        with sandbox() as box:
            result = box.unpack(archive({**files, **extra}))
            config = json.loads(result.config)
            assert config["config"]["Cmd"] == ["/bin/true", "1"]
            assert config["rootfs"]["diff_ids"] == [x["diff_id"] for x in result.layers]
            assert names(describe(box.merged(result))) == ["bin", "bin/true", "two"]
            assert result.image["names"] == (["old:7"] if extra else [])


def test_oci_layouts(work):
    """an OCI layout in an archive and as a directory, index and platforms included"""
    layout = Layout()
    arm = layout.manifest([layer(f("arm"))])
    amd = layout.manifest([layer(f("amd"))])
    fast = layout.manifest([layer(f("fast"))])
    nothing = layout.blob(b"{}", "application/vnd.in-toto+json")
    linux = {"os": "linux"}
    index = layout.index([
        {**nothing, "platform": {"os": "unknown", "architecture": "unknown"}},
        {**amd, "platform": {"os": "unknown", "architecture": "unknown"},
         "annotations": {"vnd.docker.reference.type": "attestation-manifest"}},
        {**arm, "platform": {**linux, "architecture": "arm", "variant": "v7"}},
        {**fast, "platform": {**linux, "architecture": "amd64", "variant": "v9"}},
        {**amd, "platform": {**linux, "architecture": "amd64"}}])
    layout.add(index, "multi")
    data = layout.tar()
    for want, got in (({"os": "linux", "architecture": "amd64"}, "amd"),
                      ({"os": "linux", "architecture": "amd64", "variant": "v9"}, "fast"),
                      ({"os": "linux", "architecture": "arm"}, "arm")):
        with sandbox() as box:
            result = box.unpack(data, platform=want)
            assert names(describe(box.merged(result))) == [got], (want, got)
            assert result.image["format"] == "oci-archive"
            assert digest(result.manifest) == result.image["manifest_digest"]
    refuses(data, "linux/s390x", "linux/arm/v7", platform={"architecture": "s390x"})
    refuses(data, "linux/arm/v5", platform={"architecture": "arm", "variant": "v5"})
    with sandbox() as box:
        os.mkdir(box.path + "/layout")
        with tarfile.open(box.write(data)) as tar:
            tar.extractall(box.path + "/layout")
        result = unpacker.import_image(PROGRAM, box.path + "/layout", box.work,
                                       platform={"architecture": "amd64"})
        assert result.image["format"] == "oci" and result.image["names"] == ["multi"]


def test_oci_refusals(work):
    """contradictions, artifacts, missing and wrong blobs of a layout, each in words"""
    def bad(*words, change=None, spoil=None, **kw):
        layout = Layout()
        layout.add(layout.manifest([ONE], change=change, **kw))
        if spoil:
            spoil(layout)
        refuses(layout.tar(), *words)

    bad("both an index and a manifest", change=lambda doc: doc.update(manifests=[]))
    bad("calls itself", change=lambda doc: doc.update(
        mediaType="application/vnd.oci.image.index.v1+json"))
    bad("artifact", change=lambda doc: doc.update(artifactType="application/x-thing"))
    bad("artifact", change=lambda doc: doc["config"].update(
        mediaType="application/vnd.oci.empty.v1+json"))
    bad("encrypted", media="application/vnd.oci.image.layer.v1.tar+gzip+encrypted")
    bad("unknown kind", media="application/x-thing")
    bad("schemaVersion", change=lambda doc: doc.update(schemaVersion=3))
    bad("1 layers", "speaks of 2", config=config_of([ONE, ONE]))
    bad("diff_id", "expected", "got", config=config_of([layer(f("else"))]))
    bad("not a valid digest", change=lambda doc: doc["layers"][0].update(
        digest="sha256:../../../etc/passwd"))
    bad("only sha256", change=lambda doc: doc["layers"][0].update(digest="sha512:" + "0" * 128))
    bad("not the", "descriptor", change=lambda doc: doc["layers"][0].update(size=5))

    def without_layer(layout):
        for name in list(layout.files):
            if layout.files[name][:2] == b"\x1f\x8b":
                del layout.files[name]
    bad("layer 0", "not in the layout", spoil=without_layer)
    bad("kept elsewhere", spoil=without_layer,
        media="application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")

    def corrupt(layout):
        for name in layout.files:
            if b"rootfs" in layout.files[name]:
                layout.files[name] = layout.files[name].replace(b"amd64", b"amd46")
    bad("corrupt", spoil=corrupt)

    def other_layer(layout):
        for name in layout.files:
            if layout.files[name][:2] == b"\x1f\x8b":
                layout.files[name] = layout.files[name][:4] + b"\1" + layout.files[name][5:]
    bad("layer 0", "digest is wrong", "expected", spoil=other_layer)

    def spoil_at(start, junk):
        def spoil(layout):
            for name, data in layout.files.items():
                if data[:2] == b"\x1f\x8b":
                    layout.files[name] = data[:start] + junk + data[start + len(junk):]
        return spoil
    bad("layer 0", "digest is wrong: expected sha256:", "got sha256:", spoil=spoil_at(0, b"JUNK"))
    bad("layer 0", "digest is wrong: expected sha256:", "got sha256:",
        spoil=spoil_at(12, b"\xff" * 8))
    bad("imageLayoutVersion", spoil=lambda x: x.files.update({"oci-layout": b"{}"}))
    nested = Layout()
    inner = nested.manifest([ONE])
    for _ in range(6):
        inner = nested.index([inner])
    refuses(nested.add(inner).tar(), "nested")


def test_unknown_formats(work):
    """what is no image is told as such"""
    refuses(b"hello, world\n" * 100, "not a tar archive")
    refuses(b"", "empty")
    refuses(gzip.compress(b"text"), "not a tar archive")
    refuses(ONE, "no docker-archive", format="docker-archive")
    refuses(ONE, "oci-layout", format="oci-archive")
    refuses(docker_archive([ONE])[:3000], "")
    refuses(archive({"manifest.json": b"[]"}), "no image")
    layout = Layout()
    layout.add(layout.manifest([ONE])).tar()
    del layout.files["index.json"]
    refuses(archive(layout.files), "parts of an image", "tar:FILE")
    refuses(gzip.compress(archive(layout.files)), "parts of an image")
    refuses(archive({"manifest.json": b"null"}), "manifest.json: must be an array")
    refuses(archive({"manifest.json": b'[{"Config":"x","Layers":[]}]'}), "configuration")
    refuses(archive({"manifest.json": b'[{"Config":"c","Layers":["gone"]}]',
                     "c": config_of([ONE])}), "layer 0", "gone")
    refuses(archive({"manifest.json": b"[" * 100000}), "manifest.json")


def test_damaged(work):
    """truncated and corrupt data of every compression"""
    data = layer(f("a", os.urandom(200000)), f("b", "x"))
    for compress in gzip.compress, bz2.compress, lzma.compress, lambda x: x:
        whole = compress(data)
        refuses(whole[:len(whole) // 2], "")
        if whole != data:
            broken = bytearray(whole)
            broken[len(whole) // 2] ^= 0xff
            refuses(bytes(broken), "corrupt")
    broken = bytearray(layer(f("a"), f("b"), f("c")))
    broken[512 * 2 + 3] ^= 0xff
    refuses(bytes(broken), "damaged")


def test_trailing_garbage(work):
    """what follows the compressed data is padding or an error, wherever it begins"""
    def tool(*command):
        return lambda x: subprocess.run(command, input=x, stdout=subprocess.PIPE,
                                        check=True).stdout
    ways = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}
    ways |= {name: tool(name, "-c") for name in ("zstd", "lz4") if shutil.which(name)}
    for name, compress in ways.items():
        for size in 0, 100000, 262100, 524200:
            data = layer(f("a", os.urandom(size)), f("b", "x"))
            whole = compress(data)
            # Where one read of the file ends and the next begins.
            for pad in 0, -len(whole) % 65536 + 65536 - 3:
                if pad and name in ("zstd", "xz"):
                    continue  # these take no padding, or only by fours
                refuses(whole + bytes(pad) + b"x", name)
                refuses(whole + bytes(pad) + os.urandom(300000), name)
        if name != "zstd":
            assert names(tree_of(data, compress=lambda _: whole + bytes(4096))) == ["a", "b"]
        both = whole + compress(bytes(10240))
        with sandbox() as box:
            assert names(describe(box.merged(box.unpack(both)))) == ["a", "b"]


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


@contextlib.contextmanager
def mounted(kind, path, options="mode=0700"):
    os.mkdir(path)
    subprocess.run(["mount", "-t", kind, "-o", options, kind, path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


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
    peer = unpacker.Unpacker(PROGRAM)
    try:
        for _ in range(500):
            with open(f"/proc/{peer.pid}/status") as status:
                facts = dict(line.rstrip("\n").split(":\t", 1) for line in status)
            if facts["Seccomp"] == "2":
                break
            time.sleep(0.01)
        else:
            raise tap.Skip("built with sanitizers, which cannot work confined")
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


# ---- against others ---------------------------------------------------------------------

def umoci_layout(path):
    """A real image of two layers, made by umoci and copied on by skopeo."""
    for tool in "umoci", "skopeo":
        if not shutil.which(tool):
            raise tap.Skip(tool + " is not installed")

    def do(*command):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    layout, bundle = path + "/layout", path + "/bundle"
    do("umoci", "init", "--layout", layout)
    do("umoci", "new", "--image", layout + ":base")
    do("umoci", "unpack", "--image", layout + ":base", bundle)
    root = bundle + "/rootfs"
    for name in "etc", "usr/bin", "var/cache", "srv":
        os.makedirs(f"{root}/{name}")
    do("cp", "-a", "/bin/ls", "/usr/bin/env", "/bin/sh", root + "/usr/bin/")
    os.symlink("usr/bin", root + "/bin")
    os.chmod(root + "/srv", 0o2770)
    os.setxattr(root + "/usr/bin/env", "user.note", b"kept")
    for n in range(50):
        with open(f"{root}/var/cache/{n}", "w") as out:
            out.write(str(n) * n)
    os.link(root + "/var/cache/7", root + "/etc/seven")
    do("umoci", "repack", "--refresh-bundle", "--image", layout + ":base", bundle)
    shutil.rmtree(root + "/srv")
    for n in range(0, 50, 2):
        os.unlink(f"{root}/var/cache/{n}")
    os.unlink(root + "/usr/bin/ls")
    os.mkdir(root + "/usr/bin/ls")
    os.chown(root + "/etc", 3, 4)
    # Within a second of the first layer umoci would take these for unchanged, and round the
    # time of the first.
    for name in "usr/bin", "var/cache":
        os.utime(f"{root}/{name}", (CLOSED, CLOSED))
    do("umoci", "repack", "--refresh-bundle", "--image", layout + ":top", bundle)
    return layout, root


def test_same_as_umoci(work):
    """an image that umoci made, through skopeo's formats: the same files as it began with"""
    with sandbox() as box:
        made = tempfile.mkdtemp(dir=box.path, prefix="made")
        layout, root = umoci_layout(made)
        expected = describe(root)
        for facts in expected.values():  # umoci rounds to seconds
            facts["mtime"] = (facts["mtime"] + 10**9 // 2) // 10**9
        images = {"docker-archive": made + "/d.tar:x/y:1", "oci-archive": made + "/o.tar:top",
                  "oci": made + "/other:top"}
        for n, (form, target) in enumerate(images.items()):
            subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", f"oci:{layout}:top",
                            f"{form}:{target}"], check=True)
            work = f"{box.path}/work{n}"
            os.mkdir(work)
            result = unpacker.import_image(PROGRAM, target.split(":")[0], work)
            assert result.image["format"] == form and len(result.dirs) == 2, result.image
            os.mkdir(work + "/merged")
            unpacker.copy(PROGRAM, result.dirs, work + "/merged")
            got = describe(work + "/merged")
            assert got.keys() == expected.keys(), got.keys() ^ expected.keys()
            for facts in got.values():
                facts["mtime"] = (facts["mtime"] + 10**9 // 2) // 10**9
            for name in set(got) - {"."}:
                assert got[name] == expected[name], (form, name, got[name], expected[name])


def test_same_as_tar(work):
    """a tree of this machine, as GNU tar unpacks it"""
    with sandbox() as box:
        os.mkdir(box.path + "/expected")
        tar = subprocess.run(["tar", "--xattrs", "-C", "/", "-czf", box.path + "/t.tar.gz",
                              "etc/alternatives", "etc/init.d", "usr/lib/python3/dist-packages"],
                             check=False, stderr=subprocess.DEVNULL)
        assert tar.returncode in (0, 1)
        subprocess.run(["tar", "--xattrs", "--numeric-owner", "-xzpf", box.path + "/t.tar.gz",
                        "-C", box.path + "/expected"], check=True)
        result = unpacker.import_image(PROGRAM, box.path + "/t.tar.gz", box.work)
        got, expected = describe(result.dirs[0]), describe(box.path + "/expected")
        assert got.keys() == expected.keys()
        implied = {".", "etc", "usr", "usr/lib", "usr/lib/python3"}
        for name in set(got) - implied:
            assert got[name] == expected[name], (name, got[name], expected[name])


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root: it gives files to other users and mounts overlayfs")
        sys.exit(77)
    if not os.path.exists(PROGRAM):
        sys.exit(f"{PROGRAM} is not built")
    tap.main(globals())
