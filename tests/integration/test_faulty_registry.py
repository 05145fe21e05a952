#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Registries that are busy and whose manifests lie: a pull succeeds or is refused in one sentence,
in bounded time, with nothing wrong stored."""
import gzip
import json
import time

from faults import faulty, on
from pulling import big_layer, pull
import registry
from registry import Registry
import tap


def test_busy(work):
    """429 with Retry-After and 503 are waited out, for a while"""
    state = {"left": 3}

    def busy(handler, path):
        if "/blobs/" not in path or not state["left"]:
            return False
        state["left"] -= 1
        handler.error(*((429, "TOOMANYREQUESTS", "slow down", {"Retry-After": "1"})
                        if state["left"] % 2 else (503, "UNAVAILABLE", "not now")))
        return True
    with Registry() as reg:
        reg.put_image()
        reg.fault = busy
        began = time.time()
        pull(work, f"{reg.host}/t/app:1")
        assert time.time() - began >= 1


def test_busy_until(work):
    """Retry-After with a date, by the server's own clock"""
    state = {"left": 1}

    def busy(handler, _path):
        if not state["left"]:
            return False
        state["left"] -= 1
        handler.date_time_string = lambda timestamp=None: "Tue, 01 Jan 2019 00:00:00 GMT"
        handler.error(429, "TOOMANYREQUESTS", "slow down",
                      {"Retry-After": "Tue, 01 Jan 2019 00:00:02 GMT"})
        return True

    with Registry() as reg:
        reg.put_image()
        reg.fault = busy
        began = time.time()
        pull(work, f"{reg.host}/t/app:1")
        assert time.time() - began >= 2
    for date, words in (("Tue, 01 Jan 2019 01:00:00 GMT", "wait 3600 seconds"),
                        ("Fri, 01 Jan 2100 00:00:00 GMT", "asks to wait")):
        def wait(handler, _path, until=date):
            handler.date_time_string = lambda timestamp=None: "Tue, 01 Jan 2019 00:00:00 GMT"
            handler.error(503, "BUSY", "slow down", {"Retry-After": until})
        with Registry() as reg:
            reg.put_image()
            reg.fault = on("/manifests/", wait)
            began = time.time()
            assert words in pull(work, f"{reg.host}/t/new:1", status=125).err
            assert time.time() - began < 20


def test_always_busy(work):
    """one that is always busy, or wants to be left alone for an hour"""
    faulty(work, on("/manifests/", lambda h, _: h.error(
        429, "TOOMANYREQUESTS", "slow down", {"Retry-After": "3600"})),
        "too many requests (status 429, slow down)", "wait 3600 seconds")
    faulty(work, on("/manifests/", lambda h, _: h.error(500, "X", "disk on fire")),
           "the server has a fault (status 500, disk on fire)")


def test_headers(work):
    """headers without end"""
    faulty(work, on("/manifests/", lambda h, _: h.answer(
        200, b"{}", headers={f"X-{i}": "y" * 1000 for i in range(90)})), "t/app:1")


def test_manifests(work):
    """documents that are damaged, ambiguous, too large, or of another kind"""
    def put(document, media_type=registry.MANIFEST):
        return lambda reg: reg.put_manifest("t/app", "1", document, media_type)

    def changed(**more):
        def change(reg):
            body, _ = reg.manifests["t/app", "1"]
            reg.put_manifest("t/app", "1", {**json.loads(body), **more})
        return change

    for change, words in (
            (put(b"{"), "manifest 1"),
            (put(b'{"schemaVersion":2,"schemaVersion":2}'), "twice"),
            (changed(manifests=[]), "manifest 1"),
            (changed(mediaType=registry.INDEX), "manifest 1"),
            (put({"schemaVersion": 2, "manifests": []}, registry.INDEX), "lists no image"),
            (put({"schemaVersion": 1, "fsLayers": []}), "schema 1"),
            (put(b"<html>", "text/html"), "a web page"),
            (put({"schemaVersion": 1},
                 "application/vnd.docker.distribution.manifest.v1+prettyjws"), "schema 1"),
            (put(b" " * ((4 << 20) + 1)), "manifest 1: "),
            (put(b" " * ((4 << 20) + 1)), "larger than a manifest or index may be: 4194304 bytes"),
            (changed(layers=[{"mediaType": registry.LAYER, "size": 5,
                              "digest": "sha256:../../../etc/passwd"}]), "digest"),
            (changed(layers=[{"mediaType": registry.LAYER, "size": 5,
                              "digest": "sha512:" + "a" * 128}]), "only sha256"),
            (changed(layers=[{"mediaType": registry.LAYER, "size": -5,
                              "digest": "sha256:" + "a" * 64}]), "size")):
        faulty(work, None, words, change=change)


def test_large_manifest(work):
    """a manifest of exactly 4 MiB is taken, by its tag and through an index"""
    with Registry() as reg:
        reg.put_image()
        body, kind = reg.manifests["t/app", "1"]
        body = reg.put_manifest("t/app", "1", body + b" " * ((4 << 20) - len(body)), kind)
        pull(work, f"{reg.host}/t/app:1")
        reg.put_manifest("t/app", "2", {
            "schemaVersion": 2, "manifests": [registry.descriptor(body, kind)]}, registry.INDEX)
        pull(work, f"{reg.host}/t/app:2")
        reg.manifests["t/app", registry.digest(body)] = (body + b" ", kind)
        said = pull(work, f"{reg.host}/t/app:2", status=125).err
        assert f"manifest {registry.digest(body)}: " in said and "4194304 bytes" in said, said


def test_contradicted_type(work):
    """a manifest that the index and the server call by different types"""
    def change(reg):
        body, _ = reg.manifests["t/app", "1"]
        reg.put_manifest("t/app", "1", {"schemaVersion": 2, "manifests": [
            registry.descriptor(body, registry.MANIFEST)]}, registry.INDEX)
        reg.manifests["t/app", registry.digest(body)] = (body, registry.INDEX)
    faulty(work, None, f"the server calls it {registry.INDEX}, but", change=change)


def test_wrong_content_digest(work):
    """a Docker-Content-Digest that is not the body's"""
    def lie(handler, _path):
        body, kind = handler.server.registry.manifests["t/app", "1"]
        handler.answer(200, body, kind, {"Docker-Content-Digest": "sha256:" + "0" * 64})
    faulty(work, on("/manifests/", lie), "the registry says sha256:000")


def test_compressed_answer(work):
    """a body in a content coding that nobody asked for is not the document"""
    def pack(handler, _path):
        body, kind = handler.server.registry.manifests["t/app", "1"]
        handler.answer(200, gzip.compress(body), kind, {"Content-Encoding": "gzip"})
    faulty(work, on("/manifests/", pack), "t/app:1")


def test_wrong_config(work):
    """a configuration that lists other layers, or is not the one of the manifest"""
    def other_layers(reg):
        reg.put_image(layers=[big_layer(1 << 16)], config={
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "3" * 64]}})

    def missing(reg):
        body, _ = reg.manifests["t/app", "1"]
        del reg.blobs[json.loads(body)["config"]["digest"]]

    faulty(work, None, "diff_id", change=other_layers)
    faulty(work, None, "it is not there (status 404", change=missing)


if __name__ == "__main__":
    tap.main(globals())
