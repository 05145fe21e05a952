#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl gc --budget: the images that nobody launched for longest go until the rest fits."""
import os

import tap
from archives import docker_archive, layer
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
    assert "mid:latest 1.0MiB goes" in out and out.count(" goes") == 1, out
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


if __name__ == "__main__":
    tap.main(globals())
