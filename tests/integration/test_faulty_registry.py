#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Registries that cut, lie, loop, stall and lead elsewhere: a pull succeeds or is refused in one
sentence, in bounded time, with nothing wrong stored."""
import email.utils
import gzip
import json
import os
import socket
import tempfile
import threading
import time

import cli
import image_files
import registry
from registry import Registry
import tap
from test_pull import ENV, big_layer, images, pull, refused

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


def test_always_cut(work):
    """a body that is cut at the same place again and again"""
    faulty(work, on_layer(lambda h, body: h.cut(body, 100) if "Range" not in h.headers
                          else h.cut(body, 0)), "t/app:1")


def test_reset(work):
    """a connection that is closed without an answer"""
    def reset(handler, _path):
        handler.close_connection = True
    faulty(work, on("/manifests/", reset), "/v2/t/app/manifests/1")


def test_flipped_bit(work):
    """a layer with a bit flipped; what came of it is not gone on with"""
    def flip(handler, body):
        handler.answer(200, bytes([body[0] ^ 1]) + body[1:])
    faulty(work, on_layer(flip), "layer 0: its digest is wrong: expected sha256:")
    store = f"{work}/root/images/tmp"
    assert all(os.stat(f"{store}/{name}").st_size == 0 for name in os.listdir(store)
               if name.startswith("part-"))


def test_longer(work):
    """a layer that is longer than its descriptor says, or never ends"""
    def endless(handler, body):
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        try:
            for _ in range(1 << 12):
                handler.wfile.write(body)
        except OSError:
            pass
    faulty(work, on_layer(lambda h, body: h.answer(200, body + b"x")), "longer than the")
    faulty(work, on_layer(endless), "longer than the")


def test_shorter(work):
    """a layer that ends early, and says so"""
    faulty(work, on_layer(lambda h, body: h.answer(200, body[:-5])), "bytes, not the")


def test_other_range(work):
    """a server that answers with another part than was asked for"""
    state = {"first": True}

    def lie(handler, body):
        if state.pop("first", False):
            handler.cut(body, 1000)
        else:
            handler.answer(206, body[7:], headers={
                "Content-Range": f"bytes 7-{len(body) - 1}/{len(body)}"})
    faulty(work, on_layer(lie), "another part than was asked for")


def test_no_range(work):
    """a server that knows no ranges is begun with anew, and that is enough"""
    state = {"first": True}

    def ignore(handler, body):
        if state.pop("first", False):
            handler.cut(body, 1000)
        else:
            handler.answer(200, body)
    with Registry() as reg:
        reg.put_image(layers=[big_layer(1 << 16)])
        reg.fault = on_layer(ignore)
        pull(work, f"{reg.host}/t/app:1")


def loaded_after_cut(work, mark, is_replaced, then=None):
    """Loads a URL that is cut once, and may be another file from then on. How the rest was asked
    for, after a look at what came of it."""
    old, new = (image_files.layer(image_files.d("etc"), image_files.f("etc/x", letter * 300000),
                                  image_files.d("usr")) for letter in "ab")
    new = new if is_replaced else old
    root = tempfile.mkdtemp(dir=work)

    def cut(handler, _path):
        handler.server.registry.fault = then
        handler.server.registry.files["/x.tar"] = new
        handler.cut(old, len(old) // 2, mark(old))
        return True

    with Registry() as reg:
        reg.files["/x.tar"], reg.mark, reg.fault = old, mark, cut
        result = cli.run("load", reg.url + "/x.tar", root=root, env=ENV)
        assert result.status == 0, result
        assert os.listdir(f"{root}/images/layers") == [registry.digest(new)[7:]], is_replaced
        return [(h.get("Range"), h.get("If-Range")) for _, _, h in reg.requests][1:]


def half_mirror(reg, mirror, work):
    """A configuration by which `mirror` has all of the image but its two layers, so that both are
    asked of the registry at once, as the first that is."""
    for each in (reg, mirror):
        manifest = each.put_image(layers=[big_layer(1 << 16), big_layer(1 << 17)])
    for layer in manifest["layers"]:
        del mirror.blobs[layer["digest"]]
    config = f"{work}/registries.json"
    with open(config, "w", encoding="ascii") as f:
        json.dump({"registries": {reg.host: {"mirrors": [mirror.url]}}}, f)
    return config


def meet(reg, mirror):
    """Both layers are refused by the mirror at once, and the registry takes its time."""
    layers = [key for key, body in reg.blobs.items() if len(body) > 1 << 15]
    both = threading.Barrier(2, timeout=20)

    def wait(_handler, path):
        if path.split("/")[-1] in layers:
            both.wait()
    mirror.fault = wait
    reg.fault = lambda _handler, path: "/blobs/" in path and time.sleep(0.2)


def test_first_contact(work):
    """two layers are the first requests that a registry sees, over http and with a login"""
    with Registry() as reg, Registry() as mirror:
        config = half_mirror(reg, mirror, work)
        meet(reg, mirror)
        reg.password = "me:pw"
        pull(work, f"{reg.host}/t/app:1", "--registries", config, "--creds", "me:pw")
        assert len(reg.paths("/blobs/")) == 4, reg.requests
    with Registry() as reg, Registry() as mirror:
        config = half_mirror(reg, mirror, work)
        meet(reg, mirror)
        reg.token_realm = reg.url + "/token"
        cli.good("rmi", "-f", *images(work), root=f"{work}/root")
        cli.good("gc", "-a", root=f"{work}/root")
        pull(work, f"{reg.host}/t/app:1", "--registries", config)
        assert len(reg.paths("/blobs/")) == 4 and len(reg.paths("/token")) == 1, reg.requests


def lying_mirror(work, fault, *words):
    """A mirror with this fault is passed over, and the person is told why."""
    with Registry() as reg, Registry() as mirror:
        for each in (reg, mirror):
            each.put_image(layers=[big_layer(1 << 16)])
        mirror.fault = fault
        with open(f"{work}/registries.json", "w", encoding="ascii") as f:
            json.dump({"registries": {reg.host: {"mirrors": [mirror.url]}}}, f)
        root = tempfile.mkdtemp(dir=work)
        result = cli.run("pull", f"{reg.host}/t/app:1", "--registries", f"{work}/registries.json",
                         root=root, env=ENV)
        assert result.status == 0, result
        for word in words:
            assert word in result.err, result
        cli.good("fsck", root=root)
        return reg


def test_lying_mirror(work):
    """a mirror that brings what is not wanted is passed over, whatever it brought thrown away"""
    def wrong(handler, body):
        handler.answer(200, bytes([body[0] ^ 1]) + body[1:])

    def half(handler, body):
        wrong_body = bytes([body[0] ^ 1]) + body[1:]
        if "Range" in handler.headers:
            handler.error(404, "BLOB_UNKNOWN", "gone")
        else:
            handler.cut(wrong_body, len(body) // 2)

    def page(handler, _path):
        handler.answer(200, b"<html>", "text/html")

    def other_type(handler, _path):
        handler.answer(200, b'{"schemaVersion":2,"manifests":[]}', registry.MANIFEST)

    passed = "is passed over: "
    lying_mirror(work, on_layer(wrong), passed, "layer 0: its digest is wrong")
    lying_mirror(work, on_layer(lambda h, body: h.answer(200, body + b"x")), passed, "longer than")
    lying_mirror(work, on_layer(lambda h, body: h.answer(200, body[1:])), passed, "bytes, not the")
    lying_mirror(work, on("/blobs/", lambda h, _: h.answer(200, b"{}")), passed)
    lying_mirror(work, on("/manifests/", page), passed, "a web page")
    lying_mirror(work, on("/manifests/", other_type), passed)
    lying_mirror(work, on("/manifests/", lambda h, _: h.answer(
        302, headers={"Location": "file:///etc/passwd"})), passed, "not http or https")
    reg = lying_mirror(work, on_layer(half))
    assert len(reg.paths("/blobs/")) == 2, reg.requests


def test_slow_token_service(work):
    """a layer goes on coming while a token is got for the next"""
    layers = [big_layer(16 << 20), big_layer(1 << 16), big_layer(1 << 17)]
    sent = threading.Event()
    waited = []

    def slow(handler, path):
        reg = handler.server.registry
        if path == "/token" and len(reg.paths("/blobs/")) >= 3:
            waited.append(sent.wait(20))
        if "/blobs/" not in path or not is_layer(handler, path):
            return False
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        handler.answer(200, largest(reg), "application/octet-stream")
        sent.set()
        return True

    with Registry() as reg:
        reg.put_image(layers=layers)
        reg.token_realm, reg.token_life, reg.fault = reg.url + "/token", 1, slow
        with open(f"{work}/registries.json", "w", encoding="ascii") as f:
            json.dump({"max_concurrent": 2}, f)
        pull(work, f"{reg.host}/t/app:1", "--registries", f"{work}/registries.json")
        assert waited and all(waited), waited


def etag(body):
    return {"ETag": f'"{registry.digest(body)}"'}


def date(body):
    day = 1 if b"aaa" in body else 2
    return {"Last-Modified": f"Tue, 0{day} Jan 2019 00:00:00 GMT"}


def test_replaced(work):
    """a file that is replaced while it is downloaded is never joined of two versions"""
    for mark in (etag, date):
        for is_replaced in (False, True):
            ((part, condition),) = loaded_after_cut(work, mark, is_replaced)
            assert part.startswith("bytes=") and condition, (part, condition)


def test_no_validator(work):
    """without a mark that tells versions apart, a file is begun with anew"""
    for mark in (lambda body: {}, lambda body: {"ETag": 'W/"1"'}, lambda body: {"ETag": "1"},
                 lambda body: {"Last-Modified": email.utils.formatdate(usegmt=True)}):
        assert loaded_after_cut(work, mark, True) == [(None, None)]


def test_if_range_ignored(work):
    """a server that sends the rest of another version is found out"""
    def careless(handler, _path):
        del handler.headers["If-Range"]
        return False
    asked = loaded_after_cut(work, etag, True, careless)
    assert len(asked) == 2 and asked[0][0] and asked[1] == (None, None), asked


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


def test_redirects(work):
    """loops, and redirects to a file, another protocol, this host's metadata service, or nowhere"""
    for location, words in (
            ("/v2/t/app/manifests/1", "more than 5 redirects"),
            ("file:///etc/passwd", "not http or https"),
            ("ftp://127.0.0.1/x", "not http or https"),
            ("gopher://127.0.0.1/x", "not http or https"),
            ("http://169.254.169.254/latest/meta-data", "an address that is not public"),
            ("http://[::ffff:169.254.169.254]/x", "an address that is not public"),
            ("http://10.0.0.1/", "an address that is not public"),
            ("http://2130706433:1/x", "127.0.0.1"),
            (None, "a redirect to nowhere")):
        faulty(work, on("/manifests/", lambda h, _, to=location: h.answer(
            302, headers={"Location": to})), words)


def test_allowed_network(work):
    """a redirect into a network that the configuration allows is followed"""
    config = f"{work}/registries.json"
    with Registry() as reg, Registry(address="127.0.0.9") as other:
        reg.put_image()
        other.manifests = reg.manifests
        reg.fault = on("/manifests/", lambda h, path: h.answer(
            302, headers={"Location": other.url + path}))
        said = refused(work, f"{reg.host}/t/app:1")
        assert "leads to 127.0.0.9" in said and "allow_addresses" in said, said
        with open(config, "w", encoding="ascii") as f:
            json.dump({"allow_addresses": ["127.0.0.9"]}, f)
        pull(work, f"{reg.host}/t/app:1", "--registries", config)


def test_https_to_http(work):
    """a redirect from https to http is not followed"""
    cert = registry.make_certificates(work)
    config = f"{work}/registries.json"
    with Registry((cert("server.crt"), cert("server.key"))) as reg, Registry() as plain:
        reg.put_image()
        plain.manifests = reg.manifests
        reg.fault = on("/manifests/", lambda h, path: h.answer(
            302, headers={"Location": plain.url + path}))
        with open(config, "w", encoding="ascii") as f:
            json.dump({"registries": {reg.host: {"ca": cert("ca.crt")}}}, f)
        said = refused(work, f"{reg.host}/t/app:1", "--registries", config)
        assert "a redirect from https to http://" in said, said
        assert not plain.requests


def test_token_services(work):
    """a token service at a link-local address, of another protocol, or that talks nonsense"""
    for realm, words in (("http://169.254.169.254/token", "not public"),
                         ("file:///etc/passwd", "not https"),
                         ("http://127.0.0.1:1/token", "get a token for")):
        faulty(work, None, words, change=lambda reg, to=realm: setattr(reg, "token_realm", to))
    for answer, words in ((b"{}", "answers without a token"), (b"[1", "get a token"),
                          (b'{"token":"a\\r\\nHost: x"}', "answers without a token"),
                          (b'{"token":"' + b"x" * 100000 + b'"}', "longer than")):
        faulty(work, on("/token", lambda h, _, body=answer: h.answer(200, body)), words,
               change=lambda reg: setattr(reg, "token_realm", reg.url + "/token"))


def test_token_loop(work):
    """a token that is never taken"""
    faulty(work, None, "status 401",
           change=lambda reg: (setattr(reg, "token_realm", reg.url + "/token"),
                               setattr(reg, "tokens", type("Never", (set,), {
                                   "__contains__": lambda *_: False})())))


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
                              "digest": "sha256:" + "a" * 64}]), "size"),
            (changed(artifactType="application/x-chart"), "an artifact (application/x-chart)"),
            (changed(config={"mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
                             "digest": registry.digest(b"{}")}), "an artifact")):
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


def stall_after(work, seconds):
    path = f"{work}/stall.json"
    with open(path, "w", encoding="ascii") as f:
        json.dump({"stall_seconds": seconds}, f)
    return "--registries", path


def test_trickle(work):
    """a link on which less than 1 KB a second comes is given up"""
    def trickle(handler, body):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        try:
            for at in range(0, len(body), 150):
                handler.wfile.write(body[at:at + 150])
                handler.wfile.flush()
                time.sleep(0.25)
        except OSError:
            pass
        handler.close_connection = True
    faulty(work, on_layer(trickle), "t/app:1", args=stall_after(work, 2))


def test_cut_after_refused_address(work):
    """a host of which one address may not be used is still retried at the other"""
    port = {}

    def away(handler, path):
        if "/manifests/" in path:
            handler.answer(302, headers={"Location": f"http://localhost:{port['of']}/x"})
            return True
        return False

    with Registry() as reg, Registry() as other:
        reg.put_image()
        body, kind = reg.manifests["t/app", "1"]
        port["of"] = other.host.split(":")[1]
        state = {"left": 2}

        def cut(handler, _path):
            state["left"] -= 1
            if state["left"] >= 0:
                handler.cut(body, 10)
            else:
                handler.answer(200, body, kind)
            return True
        reg.fault, other.fault = away, cut
        with open(f"{work}/registries.json", "w", encoding="ascii") as f:
            json.dump({"allow_addresses": ["127.0.0.1"]}, f)
        pull(work, f"{reg.host}/t/app:1", "--registries", f"{work}/registries.json")
        assert len(other.requests) == 3, other.requests


def test_signed_urls(work):
    """what stands behind the question mark of a URL is never shown"""
    secret = "X-Signature=canary"

    def all_of(result):
        with open(f"{work}/root/events", "a+", encoding="utf-8") as f:
            f.seek(0)
            return result.out + result.err + f.read()

    with Registry() as reg, Registry() as cdn:
        reg.put_image()
        for to in (f"{cdn.url}/none?{secret}", f"file:///etc/passwd?{secret}",
                   f"http://10.0.0.1/x?{secret}", f"http://localhost:1/x?{secret}",
                   f"{cdn.url}/loop?{secret}", f"http://me:{secret}@10.0.0.1/"):
            reg.fault = on("/blobs/", lambda h, _, url=to: h.answer(302, headers={"Location": url}))
            cdn.fault = on("/loop", lambda h, path: h.answer(
                302, headers={"Location": f"{path}?{secret}"}))
            result = pull(work, "--progress", "json", f"{reg.host}/t/app:1", status=125)
            assert result.err and "canary" not in all_of(result), result
        reg.fault, reg.token_realm = None, f"ftp://x/token?{secret}"
        assert "canary" not in all_of(pull(work, f"{reg.host}/t/app:1", status=125))
        reg.files["/x.tar"] = image_files.layer(image_files.d("etc"), image_files.d("usr"))
        for path, status in (("/x.tar", 0), ("/none.tar", 125)):
            result = cli.run("load", f"{reg.url}{path}?{secret}", root=f"{work}/root", env=ENV)
            assert result.status == status and "canary" not in all_of(result), result
            result = cli.run("run", "--rm", "--pull", "never", f"{reg.url}{path}?{secret}", "true",
                             root=f"{work}/root", env=ENV)
            assert result.err and "canary" not in all_of(result), result
            result = cli.run("run", "--rm", "--uri", f"{reg.url}/none?{secret}", "host:", "true",
                             root=f"{work}/root", env=ENV)
            assert result.err and "canary" not in all_of(result), result


def test_stalled(work):
    """a link on which nothing comes any more is given up"""
    def stall(handler, _path):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.flush()
        time.sleep(SECONDS_MAX)
    faulty(work, on("/manifests/", stall), "t/app:1", args=stall_after(work, 2))


def test_hostile_layer(work):
    """a pulled layer meets the same fences as one from a file"""
    evil = image_files.layer(image_files.f("../../escape", "x"))
    with Registry() as reg:
        reg.put_image(layers=[evil])
        said = refused(work, f"{reg.host}/t/app:1")
        assert 'leads out of the image ("..")' in said, said
        assert images(work) == []
    assert cli.have("true")


if __name__ == "__main__":
    tap.main(globals())
