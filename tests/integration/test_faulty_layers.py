#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Layers that are cut, changed, stalled and begun again: a pull succeeds or is refused in one
sentence, in bounded time, with nothing wrong stored."""
import email.utils
import json
import os
import tempfile
import time

import cli
from faults import SECONDS_MAX, faulty, on, on_layer
import image_files
from pulling import ENV, big_layer, images, pull, refused
import registry
from registry import Registry
import tap


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
