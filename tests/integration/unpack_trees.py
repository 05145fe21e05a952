# SPDX-License-Identifier: Apache-2.0
"""Unpacks images by ucr-unpack in a guarded place, and says what came of them."""
import contextlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile

import tap
import unpacker
from image_files import d, docker_archive, entry, f, layer

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


def without_marks(tree):
    for facts in tree.values():
        facts["xattrs"].pop("user.overlay.opaque", None)
    return tree


def has_erofs():
    """Whether this kernel mounts EROFS from files, and overlays over it."""
    try:
        tree_by_erofs(docker_archive([layer(f("x")), layer(f("y"))]), False)
    except OSError:
        return False
    return True


def tree_by_erofs(data, may_index):
    """The tree through layers that are EROFS images, and how many of them point into `data`."""
    layers = unpacker.ErofsLayers(may_index)
    with sandbox() as box:
        try:
            result = box.unpack(data, erofs=layers)
            with overlay(result.dirs) as point:
                mounted = without_marks(describe(point))
            copied = without_marks(describe(box.merged(result)))
        finally:
            layers.unmount()
    assert mounted == copied, difference(mounted, copied)
    return mounted, layers.indexed


def difference(one, two):
    """What to say of two trees that should be the same."""
    return {n: (one.get(n), two.get(n)) for n in {*one, *two} if one.get(n) != two.get(n)}


HAS_EROFS = os.geteuid() == 0 and os.path.exists(PROGRAM) and has_erofs


def check_erofs(data, tree):
    """By EROFS, with and without the archive as it lies, the tree is the same."""
    global HAS_EROFS  # pylint: disable=global-statement
    if callable(HAS_EROFS):
        probe, HAS_EROFS = HAS_EROFS, False
        HAS_EROFS = probe()
    for may_index in (False, True) if HAS_EROFS else ():
        by_erofs, _ = tree_by_erofs(data, may_index)
        assert by_erofs == tree, (may_index, difference(by_erofs, tree))


def tree_of(*layers, notes=False, **kw):
    """Unpacks layers, looks through overlayfs, at the copy and at EROFS, which must agree."""
    with sandbox() as box:
        data = docker_archive(list(layers), **kw)
        result = box.unpack(data)
        copied = describe(box.merged(result))
        with overlay(result.dirs) as point:
            mounted = describe(point)
        without_marks(copied)
        without_marks(mounted)
        assert copied.keys() == mounted.keys(), (copied.keys() ^ mounted.keys())
        for name in copied:
            assert copied[name] == mounted[name], (name, copied[name], mounted[name])
        check_erofs(data, copied)
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


@contextlib.contextmanager
def mounted(kind, path, options="mode=0700"):
    os.mkdir(path)
    subprocess.run(["mount", "-t", kind, "-o", options, kind, path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


BASE = layer(d("./", mode=0o711, mtime=3), d("dir", mode=0o2750, uid=5, gid=6, mtime=77,
                                             pax={"SCHILY.xattr.user.k": "v"}),
             f("dir/a", "a"), f("dir/b", "b"), d("dir/sub"), f("dir/sub/c", "c"),
             f("file", "lower"), entry("slink", "l", link="dir"), d("other"), f("other/o"))
ONE = layer(d("bin"), f("bin/true", "x"))


def main(tests):
    """Runs the tests of a program, where they can be run."""
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root: it gives files to other users and mounts overlayfs")
        sys.exit(77)
    if not os.path.exists(PROGRAM):
        sys.exit(f"{PROGRAM} is not built")
    tap.main(tests)
