#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The same images by every --rootfs-backend: what a container sees must be the same."""
import gzip
import os
import shutil
import stat
import tarfile
import tempfile

import cli
from cli import good, refused, run
from image_files import d, docker_archive, entry, f, layer
from tap import Skip
import tap

BACKENDS = "overlay", "copy", "erofs"
# What the runtime itself puts in.
MOUNTED = {"etc/hosts", "etc/hostname", "etc/resolv.conf", "dev", "proc", "sys"}
CAPABILITY = bytes.fromhex("0100000200200000000000000000000000000000")


def busybox_layer():
    """The layer of this machine's busybox image."""
    with tarfile.open(cli.busybox_archive()) as tar:
        member = next(m for m in tar.getmembers() if m.name.endswith("layer.tar"))
        return tar.extractfile(member).read()


def facts_of(path, inodes):
    st = os.lstat(path)
    facts = {"mode": st.st_mode, "uid": st.st_uid, "gid": st.st_gid, "mtime": st.st_mtime_ns,
             "xattrs": {k: os.getxattr(path, k, follow_symlinks=False)
                        for k in os.listxattr(path, follow_symlinks=False)}}
    if stat.S_ISLNK(st.st_mode):
        facts["target"] = os.readlink(path)
    if stat.S_ISREG(st.st_mode):
        with open(path, "rb") as data:
            facts["data"] = data.read()
        facts["names"] = inodes.setdefault((st.st_dev, st.st_ino), [])
        facts["names"].append(os.fspath(path))
    if stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
        facts["rdev"] = st.st_rdev
    return facts


def describe(root):
    """Everything that can be said of a running container's root: {path: facts}."""
    tree, inodes = {".": facts_of(root + b"/.", {})}, {}
    # Where something is mounted the image's directories are touched.
    del tree["."]["mtime"]
    for base, dirs, files in os.walk(root):
        dirs.sort()
        for name in sorted(dirs + files):
            path = os.path.join(base, name)
            shown = os.fsdecode(os.path.relpath(path, root))
            if shown in MOUNTED or shown == "etc":
                continue
            tree[shown] = facts_of(path, inodes)
        dirs[:] = [n for n in dirs if os.fsdecode(os.path.relpath(os.path.join(base, n), root))
                   not in MOUNTED]
    for facts in tree.values():
        if "names" in facts:
            facts["names"] = sorted(os.path.relpath(n, root) for n in facts["names"])
        facts["xattrs"].pop("user.overlay.opaque", None)
    return tree


def backends():
    """Those that this machine has: EROFS takes a newer kernel than the others."""
    result = run("run", "--rm", "--rootfs-backend", "erofs", cli.busybox_archive(), "true",
                 root=cli.path("root-probe"))
    if "EROFS cannot be used here" in result.err:
        return [backend for backend in BACKENDS if backend != "erofs"]
    assert result.status == 0, result
    return BACKENDS


def seen_by(archive, backend):
    """What a container of the image sees."""
    root = cli.path("root-" + backend)
    options = ["--rootfs-backend", backend, "--name", "seen", "--pull", "always"]
    good("run", "-d", *options, archive, "sleep", "100", root=root)
    try:
        pid = good("inspect", "-f", "{{.State.Pid}}", "seen", root=root).out.strip()
        return describe(os.fsencode(f"/proc/{pid}/root"))
    finally:
        good("rm", "-f", "seen", root=root)


def tree_of(work, *layers, compress=lambda x: x):
    """What containers see, after every backend agreed on it."""
    if os.geteuid() != 0:
        raise Skip("needs root")
    archive = os.path.join(work, "image.tar")
    with open(archive, "wb") as out:
        out.write(docker_archive([busybox_layer(), *layers], compress=compress))
    first, *others = backends()
    first = seen_by(archive, first)
    for backend in others:
        tree = seen_by(archive, backend)
        assert tree.keys() == first.keys(), (backend, tree.keys() ^ first.keys())
        for name, facts in first.items():
            assert tree[name] == facts, (backend, name, facts, tree[name])
    return first


def test_attributes(work):
    """modes, owners, times, links, devices and extended attributes"""
    pax = {"SCHILY.xattr.user.k": "v"}
    tree = tree_of(work, layer(
        d("a", mode=0o2750, uid=5, gid=6, mtime=77, pax=pax), f("a/suid", "x", mode=0o4755, uid=7),
        f("a/sgid", mode=0o2755, gid=9), d("a/sticky", mode=0o1777), d("a/closed", mode=0),
        f("a/closed/in", "y", mode=0), f("a/xattr", "z", pax=pax),
        entry("a/link", "l", link="/nowhere", uid=4, gid=4, mtime=12),
        entry("a/pipe", "p", mode=0o600, uid=2), entry("a/c", "c", dev=(1, 3), mode=0o666),
        entry("a/b", "b", dev=(7, 300), mode=0o660, gid=6), f("a/hard", "hard"),
        entry("a/hard2", "h", link="a/hard"), f("a/big-id", uid=4000000000),
        f("a/early", pax={"mtime": "-1.5"}), f("a/exact", pax={"mtime": "5.123456789"}),
        f("a/big", os.urandom(300000)), *[f(f"a/many/{n:04}" + "x" * 100) for n in range(300)]))
    assert tree["a"]["mode"] == stat.S_IFDIR | 0o2750 and tree["a"]["xattrs"] == {"user.k": b"v"}
    assert tree["a/hard"]["names"] == [b"a/hard", b"a/hard2"], tree["a/hard"]
    assert tree["a/early"]["mtime"] == -1500000000 and tree["a/exact"]["mtime"] == 5123456789


def test_layers(work):
    """whiteouts, opaque directories, changed kinds, hard links across layers"""
    base = layer(d("dir", mode=0o2750, uid=5, gid=6, mtime=77), f("dir/a", "a"), f("dir/b", "b"),
                 d("dir/sub"), f("dir/sub/c", "c"), f("file", "lower"), d("other"), f("other/o"),
                 entry("slink", "l", link="dir"))
    tree = tree_of(work, base, layer(f("dir/.wh.a"), f(".wh.other"), f("dir/new", "n"),
                                     entry("h", "h", link="dir/b")),
                   layer(d("dir/sub"), f("dir/sub/.wh..wh..opq"), f("dir/sub/z"),
                         f("slink/deep/x"), f("file/x")))
    assert "dir/a" not in tree and "other" not in tree and "dir/sub/c" not in tree
    assert tree["dir/deep/x"] and tree["dir"]["mtime"] == 77 * 10**9
    assert tree["h"]["data"] == b"b" and stat.S_ISDIR(tree["file"]["mode"])


def test_a_copy_is_written_to(_work):
    """a copied root is the container's own: it is written to, the image is not"""
    if os.geteuid() != 0:
        raise Skip("needs root")
    script = "echo more >> /etc/passwd; rm /bin/ls; wc -l < /etc/passwd"
    for backend in backends():
        for _ in range(2):
            assert good("run", "--rm", "--rootfs-backend", backend, cli.busybox_archive(), "sh",
                        "-c", script).out == "3\n"


def by_erofs(work):
    """A store of its own, in which EROFS can be used, and the archive of an image."""
    if os.geteuid() != 0:
        raise Skip("needs root")
    root, archive = os.path.join(work, "root"), os.path.join(work, "image.tar")
    shutil.copy(cli.busybox_archive(), archive)
    result = run("run", "--rm", "--rootfs-backend", "erofs", archive, "true", root=root)
    if "EROFS cannot be used here" in result.err:
        raise Skip(result.err.strip())
    assert result.status == 0 and result.err == "", result
    return root, archive


def stored(root, *parts):
    """The one EROFS layer of the store."""
    layers = os.path.join(root, "images", "layers")
    names = [n for n in os.listdir(layers) if n.endswith(".erofs")]
    assert len(names) == 1, names
    return os.path.join(layers, names[0], *parts)


def erofs_run(root, image, *command):
    return good("run", "--rm", "--rootfs-backend", "erofs", image, *command, root=root).out


def test_an_archive_is_not_unpacked(work):
    """the files of an uncompressed archive stay in it"""
    root, archive = by_erofs(work)
    assert os.path.samefile(stored(root, "archive"), archive)
    assert os.stat(stored(root, "data")).st_size == 0
    image = os.stat(stored(root, "image"))
    assert erofs_run(root, archive, "sh", "-c", "echo y > /etc/new; cat /etc/new") == "y\n"
    assert os.stat(stored(root, "image")).st_ino == image.st_ino, "it was made twice"
    assert erofs_run(root, "busybox", "sh", "-c", "ls /etc/new 2>&1 | wc -l; id -u") == "1\n0\n"


def test_an_archive_that_goes(work):
    """the archive may be removed: the image has it still"""
    root, archive = by_erofs(work)
    os.unlink(archive)
    assert erofs_run(root, "busybox", "echo", "here") == "here\n"
    good("rmi", "busybox", root=root)
    good("gc", root=root)
    assert os.listdir(os.path.join(root, "images", "layers")) == []


def test_an_archive_that_changes(work):
    """what is in an archive that was changed is not run"""
    root, archive = by_erofs(work)
    with open(archive, "r+b") as out:
        out.seek(os.path.getsize(archive) // 2)
        out.write(b"other")
    assert "changed" in refused("run", "busybox", "true", root=root)
    error = refused("run", "--rootfs-backend", "erofs", archive, "true", root=root)
    assert "diff_id" in error, error
    shutil.copy(cli.busybox_archive(), archive)
    assert erofs_run(root, archive, "echo", "again") == "again\n"


def test_an_archive_of_others(work):
    """an archive that others can write to is copied"""
    root, archive = by_erofs(work)
    other = os.path.join(work, "other.tar")
    for change in (lambda: os.chmod(other, 0o664), lambda: os.chown(other, 1000, 0)):
        shutil.copy(archive, other)
        change()
        own_root = tempfile.mkdtemp(dir=work)
        assert erofs_run(own_root, other, "echo", "x") == "x\n"
        assert not os.path.exists(stored(own_root, "archive"))
        assert os.stat(stored(own_root, "data")).st_size > 500000


def test_forms_side_by_side(work):
    """an image can be there in both forms; by name each is told apart"""
    root, archive = by_erofs(work)
    assert good("run", "--rm", "busybox", "echo", "any", root=root).out == "any\n"
    error = refused("run", "--rm", "--rootfs-backend", "overlay", "busybox", "true", root=root)
    assert "not stored as unpacked directories" in error, error
    for backend in "overlay", "erofs", "copy", "auto":
        good("run", "--rm", "--rootfs-backend", backend, archive, "true", root=root)
    for backend in "overlay", "erofs", "copy", "auto":
        good("run", "--rm", "--rootfs-backend", backend, "busybox", "true", root=root)
    assert len(os.listdir(os.path.join(root, "images", "layers"))) == 2
    assert good("fsck", root=root).status == 0
    good("gc", root=root)
    assert len(os.listdir(os.path.join(root, "images", "layers"))) == 2


def test_save(work):
    """an image that is stored as EROFS is saved byte for byte"""
    root, archive = by_erofs(work)
    os.chmod(archive, 0o666)
    for name, data in ("indexed", archive), ("compressed", os.path.join(work, "z.tar")):
        if name == "compressed":
            with open(data, "wb") as out:
                out.write(docker_archive([busybox_layer(), layer(f("x", "y"), f("bin/.wh.ls"))],
                                         tags=["busybox:latest"], compress=gzip.compress))
        root = os.path.join(work, name)
        erofs_run(root, data, "true")
        saved = os.path.join(work, "saved.tar")
        good("save", "-o", saved, "busybox", root=root)
        again = os.path.join(work, "again-" + name)
        assert good("load", "-i", saved, root=again).out == \
            good("load", "-i", data, root=again).out
        os.unlink(saved)


def test_unknown_backend(_work):
    """an unknown backend is refused with the list of those that there are"""
    error = refused("run", "--rootfs-backend", "zfs", cli.busybox_archive(), "true")
    assert all(word in error for word in ("zfs", *BACKENDS)), error


if __name__ == "__main__":
    tap.main(globals())
