#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What comes of a pull that was cut, killed or not alone."""
import json
import os
import re
import signal
import subprocess
import time

import cli
from pulling import ENV, pull, big_layer
import registry
from registry import Registry
import tap


def test_resume(work):
    """a download that was cut is gone on with, in one pull and after a kill"""
    tar = big_layer()
    state = {"cuts": 3}

    def cut(handler, path):
        body = handler.server.registry.blobs.get(path.split("/")[-1])
        if "/blobs/" not in path or len(body) < 1 << 20 or not state["cuts"]:
            return False
        state["cuts"] -= 1
        start = int((re.findall(r"bytes=(\d+)-", handler.headers.get("Range", "")) or [0])[0])
        if start:
            handler.send_response(206)
            handler.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            handler.send_header("Content-Length", str(len(body) - start))
            handler.end_headers()
            handler.wfile.write(body[start:start + (1 << 19)])
            handler.close_connection = True
        else:
            handler.cut(body, 1 << 20)
        return True

    with Registry() as reg:
        manifest = reg.put_image(layers=[tar])
        blob = manifest["layers"][0]["digest"]
        reg.fault = cut
        pull(work, f"{reg.host}/t/app:1")
        starts = [headers.get("Range") for _, path, headers in reg.requests if blob in path]
        assert starts[0] is None and len(starts) == 4, starts
        assert starts[1:] == [f"bytes={1 << 20}-", f"bytes={3 << 19}-", f"bytes={1 << 21}-"], starts


def test_resume_after_kill(work):
    """what a killed pull left is gone on with by the next, and gone when it is stored"""
    tar = big_layer()
    size = 1 << 20

    def stall(handler, path):
        body = handler.server.registry.blobs.get(path.split("/")[-1], b"")
        if "/blobs/" not in path or len(body) < size:
            return False
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[:size])
        handler.wfile.flush()
        time.sleep(20)
        return True

    with Registry() as reg:
        manifest = reg.put_image(layers=[tar])
        blob = manifest["layers"][0]["digest"]
        reg.fault = stall
        process = subprocess.Popen(
            [cli.UCRCTL, "--root", f"{work}/root", "pull", f"{reg.host}/t/app:1"],
            env={**os.environ, **ENV}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        part = f"{work}/root/images/tmp/part-{blob[7:]}"
        until = time.time() + 60
        while not os.path.exists(part) or os.stat(part).st_size < size:
            assert time.time() < until, "the download did not begin"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        reg.fault = None
        reg.requests.clear()
        pull(work, f"{reg.host}/t/app:1")
        ranges = [headers.get("Range") for _, path, headers in reg.requests if blob in path]
        assert ranges == [f"bytes={size}-"], ranges
        assert not [n for n in os.listdir(f"{work}/root/images/tmp") if "part" in n]
        with open(f"{work}/root/images/blobs/sha256/{blob[7:]}", "rb") as f:
            assert registry.digest(f.read()) == blob


def test_whole_after_kill(work):
    """what a killed pull brought whole is not touched by a manifest that calls it smaller"""
    with Registry() as reg:
        manifest = reg.put_image(layers=[big_layer(1 << 16), big_layer(1 << 17)])
        first, second = (layer["digest"] for layer in manifest["layers"])
        reg.fault = lambda handler, path: second in path and time.sleep(20)
        process = subprocess.Popen(
            [cli.UCRCTL, "--root", f"{work}/root", "pull", f"{reg.host}/t/app:1"],
            env={**os.environ, **ENV}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.time() + 60
        while not os.path.exists(f"{work}/root/images/tmp/whole-{first[7:]}"):
            assert time.time() < until, "the first layer did not come"
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
        reg.fault = None
        for size in (5, 1 << 20):
            evil = json.loads(json.dumps(manifest))
            evil["layers"][0]["size"] = size
            reg.put_manifest("t/app", "evil", evil)
            pull(work, f"{reg.host}/t/app:evil", status=125)
        evil["layers"] = [manifest["layers"][0], {**manifest["layers"][0], "size": 5}]
        reg.put_manifest("t/app", "evil", evil)
        assert "two sizes" in pull(work, f"{reg.host}/t/app:evil", status=125).err
        reg.requests.clear()
        pull(work, f"{reg.host}/t/app:1")
        assert not reg.paths(first), reg.paths()
        assert not [n for n in os.listdir(f"{work}/root/images/tmp") if "whole" in n]
        cli.good("fsck", root=f"{work}/root")


def test_one_download_for_many(work):
    """pulls at the same time download once"""
    with Registry() as reg:
        manifest = reg.put_image(layers=[big_layer()])
        reg.fault = lambda handler, path: "/blobs/" in path and time.sleep(0.3)
        processes = [subprocess.Popen(
            [cli.UCRCTL, "--root", f"{work}/root", "pull", "-q", f"{reg.host}/t/app:1"],
            env={**os.environ, **ENV}, stdout=subprocess.PIPE, encoding="ascii")
            for _ in range(6)]
        for process in processes:
            out, _ = process.communicate(timeout=120)
            assert process.returncode == 0 and out.strip() == manifest["config"]["digest"], out
        assert len(reg.paths(manifest["layers"][0]["digest"])) == 1, reg.paths("/blobs/")


def test_rotten_blob(work):
    """a kept layer that rotted is fetched again when it is needed"""
    with Registry() as reg:
        manifest = reg.put_image(layers=[big_layer(1 << 16)])
        name = f"{reg.host}/t/app:1"
        pull(work, name)
        store = f"{work}/root/images"
        blob = f"{store}/blobs/sha256/{manifest['layers'][0]['digest'][7:]}"
        (chain,) = os.listdir(f"{store}/layers")
        subprocess.run(["rm", "-rf", f"{store}/layers/{chain}"], check=True)
        reg.requests.clear()
        pull(work, name)
        assert not reg.paths(manifest["layers"][0]["digest"])
        subprocess.run(["rm", "-rf", f"{store}/layers/{chain}"], check=True)
        with open(blob, "r+b") as out:
            out.write(b"rot")
        pull(work, name)
        with open(blob, "rb") as again:
            assert registry.digest(again.read()) == manifest["layers"][0]["digest"]


if __name__ == "__main__":
    tap.main(globals())
