#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Where a registry may lead a pull: mirrors, redirects and token services, lying ones too."""
import json
import socket
import tempfile
import threading
import time

import cli
from faults import faulty, on, largest, is_layer, on_layer
import image_files
from pulling import ENV, big_layer, images, pull, refused
import registry
from registry import Registry
import tap


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


if __name__ == "__main__":
    tap.main(globals())
