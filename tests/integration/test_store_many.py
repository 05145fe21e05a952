#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A store of ten thousand images: the lists are right, first made and then kept."""
import hashlib
import json
import os

import tap
from test_store import Store

COUNT = 10000


def sha(text):
    return hashlib.sha256(text).hexdigest()


def fill(store):
    """As that many loads would leave it, but for the layers: the ids, newest first."""
    store.ok("images")
    diff_id = "sha256:" + sha(b"layer")
    ids, names = [], {}
    for n in range(COUNT):
        config = json.dumps({"os": "linux", "architecture": "amd64", "author": str(n),
                             "created": "2020-01-01T00:00:00Z",
                             "rootfs": {"type": "layers", "diff_ids": [diff_id]}}).encode()
        image = sha(config)
        record = {"id": "sha256:" + image, "format": "tar", "imported": n, "size": 10,
                  "layers": [{"diff_id": diff_id, "chain_id": diff_id, "size": 10}]}
        with open(f"{store.path}/blobs/sha256/{image}", "wb") as out:
            out.write(config)
        with open(f"{store.path}/images/{image}.json", "w", encoding="ascii") as out:
            json.dump(record, out)
        names[f"example.org/team-{n % 100}/app-{n}:1"] = "sha256:" + image
        ids.insert(0, image)
    with open(f"{store.path}/names.json", "w", encoding="ascii") as out:
        json.dump(names, out, separators=(",", ":"), sort_keys=True)
    os.unlink(f"{store.path}/listing")
    return ids


def test_lists(work):
    """every image once, newest first; changes show at once"""
    store = Store(work)
    ids = fill(store)
    first = store.ok("images", "-q", "--no-trunc").split()
    assert [i.removeprefix("sha256:") for i in first] == ids
    assert os.path.exists(f"{store.path}/listing")
    # Kept: not one record is looked at.
    victim = f"{store.path}/images/{ids[5000]}.json"
    os.rename(victim, work + "/aside")
    assert store.ok("images", "-q", "--no-trunc").split() == first
    os.rename(work + "/aside", victim)
    assert len(store.ok("images").splitlines()) == COUNT + 1
    name = f"example.org/team-{7777 % 100}/app-7777:1"
    image = json.loads(store.ok("inspect", name))[0]
    assert image["Id"] == "sha256:" + ids[COUNT - 1 - 7777] and image["RepoTags"] == [name]
    store.ok("tag", name, "new:2")
    assert store.ok("images", "new", "--format", "{{.Tag}}") == "2\n"
    store.ok("rmi", "-f", "new:2", name)
    after = store.ok("images", "-q", "--no-trunc").split()
    assert len(after) == COUNT - 1 and image["Id"] not in after


if __name__ == "__main__":
    tap.main(globals())
