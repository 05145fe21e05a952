#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucr-unpack against layers that are legal but awkward."""
import os
import stat
import tarfile

import unpack_trees
from image_files import block, d, docker_archive, entry, f, layer, raw_header, MTIME
from unpack_trees import BASE, names, refuses, tree_of

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

if __name__ == "__main__":
    unpack_trees.main(globals())
