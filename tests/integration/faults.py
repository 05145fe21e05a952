# SPDX-License-Identifier: Apache-2.0
"""What a registry does wrong, and how a pull from it has to end: refused in one sentence, in
bounded time, with nothing wrong stored."""
import os
import time

from pulling import big_layer, refused
from registry import Registry

SECONDS_MAX = 60


def leftovers(work):
    """Blobs, layers and records, and unfinished downloads with something in them."""
    store = f"{work}/root/images"
    found = [f"{d}/{name}" for d in ("blobs/sha256", "layers", "images")
             for name in os.listdir(f"{store}/{d}")]
    return found + [name for name in os.listdir(f"{store}/tmp")
                    if not name.startswith(("part-", "whole-", "lock-"))]


def faulty(work, fault, *words, change=None, args=()):
    """A pull from a registry with a fault is refused with these words, and leaves nothing."""
    with Registry() as reg:
        reg.put_image(layers=[big_layer(1 << 16)])
        if change:
            change(reg)
        reg.fault = fault
        began = time.time()
        said = refused(work, f"{reg.host}/t/app:1", *args)
        assert time.time() - began < SECONDS_MAX, time.time() - began
        for word in words:
            assert word in said, said
        assert leftovers(work) == [], leftovers(work)
        return reg


def on(part, answer):
    """A fault of the requests whose path has `part`."""
    def fault(handler, path):
        if part not in path:
            return False
        answer(handler, path)
        return True
    return fault


def largest(reg):
    return max(reg.blobs.values(), key=len)


def is_layer(handler, path):
    return handler.server.registry.blobs.get(path.split("/")[-1]) == largest(handler.server.registry)


def on_layer(answer):
    def fault(handler, path):
        if "/blobs/" not in path or not is_layer(handler, path):
            return False
        answer(handler, largest(handler.server.registry))
        return True
    return fault
