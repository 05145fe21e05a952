#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl fsck: what a disk did to the image store is found, put away and made anew."""
import os

import tap
from archives import docker_archive
from test_store import APP, BASE, Store, assert_good, need_root


def loaded(work):
    """A store with one image of two layers: the store, its archive and the image's id."""
    store, archive = Store(work), os.path.join(work, "a.tar")
    image_id = docker_archive(archive, [BASE, APP], ["app"])
    store.ok("load", archive)
    store.wait_for_flush()
    return store, archive, image_id


def rot(path, offset=0):
    """One bit turns."""
    with open(path, "r+b") as f:
        f.seek(offset)
        byte = f.read(1)[0]
        f.seek(offset)
        f.write(bytes([byte ^ 1]))


def damaged(store):
    """What fsck says of a damaged store."""
    status, out, err = store.run("fsck")
    assert status == 125 and "damaged in" in err, (status, out, err)
    return out


def test_nothing_wrong(work):
    need_root()
    store, _, image_id = loaded(work)
    before = store.entries("blobs/sha256")
    out = store.ok("fsck")
    assert "Checked 1 images" in out and out.count("\n") == 1, out
    assert store.entries("blobs/sha256") == before and image_id in store.images()
    assert not store.entries("quarantine")


def test_configuration(work):
    """A launch names the damage and the remedy; fsck makes way; a load makes the image anew."""
    need_root()
    store, archive, image_id = loaded(work)
    blob = os.path.join(store.path, "blobs/sha256", image_id[7:])
    rot(blob, os.path.getsize(blob) // 2)
    said = store.refused("unpack", "app", os.path.join(work, "never"))
    assert image_id[7:] in said and "ucrctl fsck" in said, said
    out = damaged(store)
    assert image_id[7:] in out and "quarantine" in out, out
    assert not store.images()
    assert len(store.entries("quarantine")) == 2
    store.ok("fsck")
    assert_good(store, archive, image_id, work)
    assert "app" in store.ok("images")
    store.ok("gc")
    assert not store.entries("quarantine")
    assert_good(store, archive, image_id, work)


def test_record_cut_short(work):
    need_root()
    store, archive, image_id = loaded(work)
    os.truncate(os.path.join(store.path, "images", image_id[7:] + ".json"), 20)
    assert image_id[7:19] in damaged(store)
    store.ok("fsck")
    assert store.ok("images", "-q") == ""
    assert_good(store, archive, image_id, work)


def test_names(work):
    """Without its names the image is still found by its id, and can be named again."""
    need_root()
    store, _, image_id = loaded(work)
    rot(os.path.join(store.path, "names.json"))
    assert "names.json" in damaged(store)
    store.ok("tag", image_id[7:19], "again")
    assert store.images()[image_id] == ["docker.io/library/again:latest"]
    store.ok("fsck")


if __name__ == "__main__":
    tap.main(globals())
