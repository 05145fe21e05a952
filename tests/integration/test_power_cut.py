#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The store after a power cut at each step of what changes it, but for loads."""
import os
import subprocess

from archives import docker_archive
from power_cut import assert_only_lost_layers, assert_usable, each_cut
import registry
import tap
from test_artifacts import blobs_of, document, layout, whole
from test_store import APP
from test_store_fsck import rot


def test_tag(work):
    """a name is there or not, and once acknowledged it is there"""
    for what, status, case in each_cut(work, ["tag", "kept", "second"], ("store-file",)):
        with case.after() as store:
            names = store.images()[case.kept_id]
            assert names[0] == "docker.io/library/kept:latest", what
            assert len(names) == 2 or status != 0, what
            assert_only_lost_layers(store, what)
            assert_usable(case, store, what)


def test_eviction(work):
    """an image goes name and all, or stays"""
    def prepare(store):
        store.ok("load", work + "/new.tar")
        store.wait_for_flush()

    for what, status, case in each_cut(work, ["rmi", "new"], ("evict-", "store-file"), prepare):
        with case.after() as store:
            assert status != 0 or case.new_id not in store.images(), what
            assert_only_lost_layers(store, what)
            assert_usable(case, store, what)


def test_collection(work):
    """no record is left without its layers"""
    def prepare(store):
        store.ok("load", work + "/new.tar")
        store.wait_for_flush()
        store.ok("rmi", "new")

    for what, _, case in each_cut(work, ["gc"], ("gc-",), prepare):
        with case.after() as store:
            assert_only_lost_layers(store, what)
            assert_usable(case, store, what)


def test_artifact(work):
    """an artifact is whole on the disk, or not there"""
    command = ["load", "oci:" + layout(work)]
    digest = registry.digest(document())
    prefixes = ("layers-committed", "store-file-rename", "image-")
    for what, status, case in each_cut(work, command, prefixes, most=5):
        with case.after() as store:
            if status == 0:
                assert store.images()[digest] == ["docker.io/library/made:1"], what
            assert store.ok("fsck").startswith("Checked "), what
            if digest in store.images():
                assert blobs_of(store.root).items() >= whole().items(), what
            store.ok(*command)
            assert blobs_of(store.root).items() >= whole().items(), what
            assert store.ok("fsck").startswith("Checked 2 images"), what
            store.ok("rmi", "made:1")
            assert_usable(case, store, what)


def test_quarantine(work):
    """what fsck was putting away is away, or found again; never half of it back"""
    def prepare(store):
        image_id = docker_archive(work + "/bad.tar", [APP], ["bad"])
        store.ok("load", work + "/bad.tar")
        store.wait_for_flush()
        rot(os.path.join(store.path, "blobs/sha256", image_id[7:]), 5)
        subprocess.run(["sync", "-f", store.path], check=True)

    for what, _, case in each_cut(work, ["fsck"], ("quarantine-",), prepare, most=2):
        with case.after() as store:
            status, out, err = store.run("fsck")
            assert status in (0, 125), (what, out, err)
            assert list(store.images()) == [case.kept_id], what
            assert store.ok("fsck").startswith("Checked 1 images"), what
            store.ok("gc")
            assert not store.entries("quarantine"), what
            assert_usable(case, store, what)


if __name__ == "__main__":
    tap.main(globals())
