#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl fsck of unpacked layers, and what --repair makes of the damage."""
import os
import shutil

import cli
import image_files
import tap
from archives import docker_archive
from registry import Registry
from test_rootless import Tester
from test_store import APP, BASE, Store, assert_good, need_root
from test_store_fsck import damaged, loaded, rot

LOWER = image_files.layer(image_files.d("etc"), image_files.f("etc/base", "base\n"))
UPPER = image_files.layer(image_files.f("etc/app", "app\n" * 5000, uid=5, gid=6))


def file_of(store, name):
    """Where a file of the only image is unpacked."""
    found = [path for path in (os.path.join(store.path, "layers", x, "fs", name)
                               for x in store.entries("layers")) if os.path.exists(path)]
    assert len(found) == 1, found
    return found[0]


def pulled(work, reg):
    """A store with an image of two layers that was pulled: the store and the image's id."""
    store = Store(work)
    reg.put_image(layers=[LOWER, UPPER])
    image_id = store.ok("pull", "-q", f"{reg.host}/t/app:1").strip()
    store.wait_for_flush()
    return store, image_id


def repaired(store, *words):
    """Everything was repaired: what was said of it; the next check finds nothing."""
    status, out, err = store.run("fsck", "--repair")
    assert status == 0 and err == "", (status, out, err)
    for word in words:
        assert word in out, (word, out)
    assert store.ok("fsck").startswith("Checked")
    return out


def assert_whole(store, image, work, name="out"):
    files = store.unpacked(image, os.path.join(work, name))
    assert files == {"etc/base": b"base\n", "etc/app": b"app\n" * 5000}, files.keys()


def test_every_change_is_found(work):
    """one bit, a file cut, grown, gone, replaced; the layer stays as long as nobody repairs"""
    need_root()
    store, archive, image_id = loaded(work)
    path = file_of(store, "etc/app")
    assert "Checked 1 images, 2 layers" in store.ok("fsck")

    def undone():
        os.path.lexists(path) and os.unlink(path)
        with open(path, "wb") as f:
            f.write(b"app\n")
        assert "Checked 1 images" in store.ok("fsck")

    rot(path, 2)
    out = damaged(store)
    assert f"of image {image_id[7:19]} is damaged" in out and "--repair" in out, out
    undone()
    os.truncate(path, 3)
    assert "etc/app of the layer is shorter" in damaged(store)
    undone()
    os.unlink(path)
    assert "open etc/app of the layer: No such file" in damaged(store)
    undone()
    os.unlink(path)
    os.symlink("/etc/passwd", path)
    assert "etc/app of the layer" in damaged(store)
    undone()
    recipe = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(path))), "tar")
    rot(recipe, 20)
    assert "is damaged" in damaged(store)
    rot(recipe, 20)
    os.chown(path, 5, 6)
    assert store.entries("quarantine") == [] and len(store.entries("layers")) == 2
    assert_good(store, archive, image_id, work)


def test_without_a_recipe(work):
    """presence and size are all that is known"""
    need_root()
    store, _, _ = loaded(work)
    layer = os.path.dirname(os.path.dirname(os.path.dirname(file_of(store, "etc/app"))))
    os.unlink(layer + "/tar")
    assert "2 layers" in store.ok("fsck")
    with open(layer + "/size", "w", encoding="ascii") as f:
        f.write("5")
    assert "noted to have 5 bytes" in damaged(store)
    os.unlink(layer + "/size")
    assert "its size is not noted" in damaged(store)
    shutil.rmtree(layer + "/fs")
    assert "its files are gone" in damaged(store)


def test_from_kept_layers(work):
    """without the registry: a damaged, a missing and a half-lost layer"""
    need_root()
    with Registry() as reg:
        store, image_id = pulled(work, reg)
    names = store.images()
    rot(file_of(store, "etc/app"), 7000)
    out = repaired(store, "moved to quarantine", "unpacked again from its kept layers")
    assert image_id[7:19] in out and len(store.entries("quarantine")) == 1
    assert_whole(store, image_id, work)
    shutil.rmtree(os.path.dirname(os.path.dirname(os.path.dirname(file_of(store, "etc/base")))))
    repaired(store, "lost an unpacked layer", "unpacked again")
    store.wait_for_flush()
    layer = os.path.dirname(os.path.dirname(os.path.dirname(file_of(store, "etc/app"))))
    os.symlink("another-boot", layer + "/boot")
    repaired(store, "lost an unpacked layer", "unpacked again")
    assert_whole(store, image_id, work, "again")
    assert store.images() == names and not store.entries("tmp")
    store.ok("gc")
    assert not store.entries("quarantine") and not store.entries("tmp")
    status = os.stat(file_of(store, "etc/app"))
    assert (status.st_uid, status.st_gid) == (5, 6)


def test_from_the_registry(work):
    """the very same image, though its name means another now and its kept layer has rotted"""
    need_root()
    with Registry() as reg:
        store, image_id = pulled(work, reg)
        names = store.images()
        reg.put_image(layers=[image_files.layer(image_files.f("other", "x"))])
        rot(file_of(store, "etc/app"), 7000)
        for blob in store.entries("blobs/sha256"):
            path = os.path.join(store.path, "blobs/sha256", blob)
            with open(path, "rb") as f:
                if f.read(2) == b"\x1f\x8b":
                    rot(path, 30)
        out = repaired(store, "pulled again", "blob")
        assert out.count("moved to quarantine") >= 2, out
        assert store.images() == names
        assert_whole(store, image_id, work)


def test_lost_configuration(work):
    """the record goes with its configuration, and comes back with all of its names"""
    need_root()
    with Registry() as reg:
        store, image_id = pulled(work, reg)
        store.ok("tag", image_id, "mine:1")
        names = store.images()
        rot(os.path.join(store.path, "blobs/sha256", image_id[7:]), 30)
        repaired(store, "pulled again", "the name docker.io/library/mine:1 is of no image")
        assert store.images() == names
        assert_whole(store, "mine:1", work)


def test_what_cannot_be_had(work):
    """an image that nothing can bring back goes, and says so; another stays"""
    need_root()
    store, archive, image_id = loaded(work)
    other = os.path.join(work, "other.tar")
    kept = docker_archive(other, [BASE], ["other"])
    store.ok("load", other)
    rot(file_of(store, "etc/app"), 1)
    status, out, err = store.run("fsck", "--repair")
    assert status == 125 and "1 damaged images could not be repaired" in err, (status, out, err)
    assert f"image {image_id[7:19]} cannot be repaired" in out and "removed, load it again" in out
    assert "none of its layers was kept" in out, out
    assert store.images() == {kept: ["docker.io/library/other:latest"]}
    store.ok("fsck")
    assert_good(store, archive, image_id, work)
    with Registry() as reg:
        store, image_id = pulled(os.path.join(work, "second"), reg)
        rot(file_of(store, "etc/app"), 1)
        blobs = os.path.join(store.path, "blobs/sha256")
        for blob in store.entries("blobs/sha256"):
            with open(os.path.join(blobs, blob), "rb") as f:
                is_layer = f.read(2) == b"\x1f\x8b"
            if is_layer:
                os.unlink(os.path.join(blobs, blob))
    status, out, err = store.run("fsck", "--repair")
    assert status == 125 and not store.images(), (status, out, err)
    assert "cannot be repaired" in out and "127.0.0.1" in out, out


def test_in_use(work):
    """what a container has is not taken from under it"""
    need_root()
    root = os.path.join(work, "root")
    store = Store(work)
    store.ok("run", "-d", "--name", "c", cli.busybox_archive(), "sleep", "100")
    try:
        (image_id,) = store.images()
        path = file_of(store, "bin/busybox")
        with open(path, "ab") as f:
            f.write(b"x")
        os.truncate(path, os.path.getsize(path) - 1)
        os.utime(path)
        rot(path, os.path.getsize(path) - 1)
        status, out, err = store.run("fsck", "--repair")
        assert status == 0, (status, out, err)
        assert "stays while a container or an import uses it" in out, out
        assert len(store.entries("layers")) == 1 and image_id in store.images()
        assert not store.entries("quarantine")
        assert store.ok("exec", "c", "echo", "alive") == "alive\n"
    finally:
        cli.run("rm", "-f", "c", root=root)
    status, out, err = store.run("fsck", "--repair")
    assert status == 125 and "removed, load it again" in out, (status, out, err)
    assert not store.images()


def test_rootless(work):
    """a user's layers, with files that are not the user's, are checked and repaired alike"""
    user = Tester(work)
    user.good("load", "-qi", user.archive)
    store = os.path.join(user.root, "images")
    (chain,) = os.listdir(store + "/layers")
    assert "Checked 1 images, 1 layers" in user.good("fsck")
    with open(f"{store}/layers/{chain}/fs/bin/busybox", "r+b") as f:
        f.write(b"\x7fELG")
    command = [*user.prefix, cli.UCRCTL, "--root", user.root, "fsck", "--repair"]
    done = cli.subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 125 and "removed, load it again" in done.stdout, done
    user.good("gc")
    assert os.listdir(store + "/quarantine") == [] and os.listdir(store + "/layers") == []


if __name__ == "__main__":
    assert APP
    tap.main(globals())
