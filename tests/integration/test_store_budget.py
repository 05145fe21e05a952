#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl gc --budget: the images that nobody launched for longest go until the rest fits."""
import os

import image_files
import tap
from archives import docker_archive, layer
from registry import Registry
from test_store import Store, need_root


def three_images(work):
    """A store with the images old, mid and new, of a megabyte each: it and their ids."""
    store, ids = Store(work), {}
    for age, name in enumerate(("new", "mid", "old")):
        archive = os.path.join(work, name + ".tar")
        ids[name] = docker_archive(archive, [layer({name: os.urandom(1 << 20)})], [name])
        store.ok("load", archive)
        used = 1700000000 - 1000 * age
        os.utime(os.path.join(store.path, "images", ids[name][7:] + ".json"), (used, used))
    return store, ids


def test_least_recently_used_goes(work):
    """A launch counts as use; a dry run changes nothing; names do not protect."""
    need_root()
    store, ids = three_images(work)
    dest = os.path.join(work, "dest")
    os.mkdir(dest)
    store.ok("unpack", "old", dest)
    out = store.ok("gc", "--dry-run", "--budget", "2500k")
    assert [line.split()[1] for line in out.splitlines()[:3]] == \
        ["mid:latest", "new:latest", "old:latest"], out
    assert "mid:latest 1.0MiB goes" in out and out.count(" goes") == 2, out
    assert out.count("  layer ") == 3 and "stays: 1 image has it" in out, out
    assert set(store.images()) == set(ids.values())
    out = store.ok("gc", "--explain", "--budget", "2500k")
    assert "Removed 1 images, 1 layers" in out, out
    assert set(store.images()) == {ids["new"], ids["old"]}
    assert store.refused("inspect", "mid")
    assert len(store.entries("layers")) == 2 and not store.entries("tmp")


def test_water_marks(work):
    need_root()
    store, ids = three_images(work)
    store.ok("gc", "--budget", "4m", "--low", "1m")
    assert len(store.images()) == 3
    store.ok("gc", "--budget", "2m", "--low", "1m")
    assert list(store.images()) == [ids["new"]]
    assert "--low" in store.refused("gc", "--budget", "1m", "--low", "2m")


def test_kept_blobs_go_first(work):
    """A pulled image gives its compressed layers before it goes; it still runs, and is saved."""
    need_root()
    noise = os.urandom(1 << 20)
    with Registry() as reg:
        reg.put_image(layers=[image_files.layer(image_files.f("noise", noise))])
        store = Store(work)
        image_id = store.ok("pull", "-q", f"{reg.host}/t/app:1").strip()
    before = store.entries("blobs/sha256")
    out = store.ok("gc", "--dry-run", "--budget", "1500k")
    assert "goes first: its layer stays unpacked" in out, out
    assert store.entries("blobs/sha256") == before
    store.ok("gc", "--budget", "1500k")
    assert list(store.images()) == [image_id]
    assert len(store.entries("blobs/sha256")) == len(before) - 1
    store.ok("save", "-o", work + "/out.tar", image_id)
    store.ok("fsck")
    assert store.unpacked(image_id, work + "/files") == {"noise": noise}


if __name__ == "__main__":
    tap.main(globals())
