#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""App Container Images found by their names: pages, templates, and what they must not do."""
import contextlib
import ctypes
import http.server
import json
import os
import shutil
import subprocess
import sys
import traceback

import aci_files
from aci_files import aci, busybox, manifest, pairs
import cli
import http_server
from image_files import d, f
import registry
import tap
from test_appc_signed import Keys

CLONE_NEWNS, CLONE_NEWNET = 0x20000, 0x40000000
HTTPS_PORT = 443
AUTHORITIES = "/etc/ssl/certs"
NAME = "localhost/project/app"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_args):
        pass

    def do_GET(self):  # pylint: disable=invalid-name
        site = self.server.site
        site.requests.append(self.path)
        status, body = site.pages.get(self.path, (404, b"none"))
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", body.decode())
            body = b""
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Site:
    """https://localhost in a network of its own; {path: (status, body)}."""

    def __init__(self, work):
        self.pages, self.requests = {}, []
        cert = registry.make_certificates(work)
        self.config = os.path.join(work, "registries.json")
        with open(self.config, "w", encoding="ascii") as file:
            json.dump({"registries": {"localhost": {"ca": cert("ca.crt")}}}, file)
        tls = http_server.tls_context((cert("server.crt"), cert("server.key")))
        http_server.Server(Handler, port=HTTPS_PORT, tls=tls, site=self)

    def page(self, path, *templates, prefix="localhost", status=200, text=None):
        body = text or "<html><head>" + "".join(
            f'<meta name="ac-discovery" content="{prefix} {template}">' for template in templates)
        self.pages[f"{path}?ac-discovery=1"] = (status, body.encode())

    def put(self, path, work, document, *members):
        file = os.path.join(work, "served.aci")
        image_id = aci(file, document, *members)
        with open(file, "rb") as served:
            self.pages[path] = (200, served.read())
        return image_id


def run(site, reference, *args, options=()):
    return cli.run("run", "--rm", "--registries", site.config, *options, reference, *args)


@contextlib.contextmanager
def own_store():
    """What one test stores, another one would find."""
    root = cli.ROOT
    yield
    shutil.rmtree(root, ignore_errors=True)


def in_a_network(test):
    """The test in a child with a loopback interface of its own, where port 443 is free."""
    def wrapped(work):
        if os.geteuid() != 0 or not shutil.which("openssl"):
            raise tap.Skip("needs root and openssl")
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                if ctypes.CDLL(None).unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
                    os._exit(77)
                subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
                # Without this machine's own authorities: each connection would read them all.
                subprocess.run(["mount", "--make-rprivate", "/"], check=True)
                if os.path.isdir(AUTHORITIES):
                    subprocess.run(["mount", "-t", "tmpfs", "none", AUTHORITIES], check=True)
                with own_store():
                    test(work, Site(work))
                status = 0
            except BaseException:  # pylint: disable=broad-except
                for line in traceback.format_exc().splitlines():
                    print("#", line, flush=True)
            os._exit(status)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 77:
            raise tap.Skip("a network namespace is not allowed here")
        assert status == 0, "the test in the namespace failed"
    wrapped.__doc__ = test.__doc__
    return wrapped


def app(text, name=NAME, version="1.0.0", **more):
    labels = {"version": version, "os": "linux", "arch": "amd64"}
    return manifest(name, labels, {"exec": ["/bin/echo", text]}, **more)


TEMPLATE = "https://localhost/files/{os}/{arch}/{name}-{version}.{ext}"
LATEST = "https://localhost/files/{os}/{arch}/{name}-latest.{ext}"
STORED = f"/files/linux/amd64/{NAME}-1.0.0.aci"
STORED_LATEST = f"/files/linux/amd64/{NAME}-latest.aci"


@in_a_network
def test_by_name(work, site):
    """the page of the name, then of what is before its last slash; stored afterwards"""
    site.page("/project", TEMPLATE, LATEST)
    site.put(STORED, work, app("one"), *busybox())
    site.put(STORED_LATEST, work, app("latest", version="2.0.0"), *busybox())
    result = run(site, f"aci:{NAME}:1.0.0")
    assert result.out == "one\n", result
    assert site.requests == ["/project/app?ac-discovery=1", "/project?ac-discovery=1", STORED]
    result = run(site, f"aci:{NAME}")
    assert result.out == "latest\n", result
    # Neither is asked for again, unless that is wanted.
    del site.requests[:]
    assert run(site, f"aci:{NAME}:1.0.0").out == "one\n"
    assert run(site, f"aci:{NAME}").out == "latest\n"
    assert run(site, f"{NAME}:2.0.0").out == "latest\n" and not site.requests
    assert run(site, f"aci:{NAME}:1.0.0", options=("--pull", "always")).out == "one\n"
    assert STORED in site.requests
    del site.requests[:]
    result = run(site, f"aci:{NAME}:9", options=("--pull", "never"))
    assert result.status == 125 and "no stored image" in result.err, result
    assert not site.requests, site.requests
    assert cli.run("pull", "-q", "--registries", site.config, f"aci:{NAME}:1.0.0").status == 0


@in_a_network
def test_best_template(work, site):
    """the most labels win, the first of equals, the next when one fails; other prefixes never"""
    extra = "https://localhost/env/{env}/{name}-{version}.{ext}"
    site.page("/project/app", LATEST, "https://localhost/gone/{os}/{arch}/{name}-{version}.{ext}",
              TEMPLATE, extra)
    site.put(STORED, work, app("template"), *busybox())
    result = run(site, f"aci:{NAME}:1.0.0")
    assert result.out == "template\n", result
    site.page("/project/app", TEMPLATE, prefix="localhost/other")
    result = run(site, f"aci:{NAME}:1.0.0", options=("--pull", "always"))
    assert result.status == 125 and "ac-discovery" in result.err, result
    site.page("/project/app", TEMPLATE, prefix="localhost/proj")
    assert run(site, f"aci:{NAME}:1.0.0", options=("--pull", "always")).status == 125


@in_a_network
def test_page_is_read_with_care(work, site):
    """attributes in any order and quotes; comments, bodies and other tags do not count"""
    site.put(STORED, work, app("read"), *busybox())
    bad = '<meta name="ac-discovery" content="localhost https://localhost/bad/{name}-{version}.{ext}">'
    good = f"<META content='localhost\n {TEMPLATE}' data-x=\"a>b\" name=ac-discovery />"
    for text in (f"<!-- {bad} --><title>{good}", f"<head>{good}</head><body>{bad}{bad}",
                 f"<head><meta charset=utf-8><meta name=other content='x'>{good}<body>{bad}"):
        site.page("/project/app", text=text)
        del site.requests[:]
        result = run(site, f"aci:{NAME}:1.0.0", options=("--pull", "always"))
        assert result.out == "read\n" and site.requests[-1] == STORED, (text, result)
    for text in (bad[:-40], "<meta name=", '<meta name="ac-discovery" content="', "<" * 10000,
                 "<!-- " + good, "<meta name=ac-discovery content='localhost'>",
                 "<meta name=ac-discovery content='localhost https://localhost/{unknown}'>",
                 "<meta name=ac-discovery content='localhost https://localhost/{'>"):
        site.page("/project/app", text=text)
        result = run(site, f"aci:{NAME}:1.0.0", options=("--pull", "always"))
        assert result.status == 125 and "ac-discovery" in result.err, (text, result)


@in_a_network
def test_wrong_image(work, site):
    """another name, another version: refused, nothing stored"""
    site.page("/project/app", TEMPLATE)
    for document, word in ((app("x", name="localhost/other"), "calls itself"),
                           (app("x", version="1.0.1"), "1.0.1")):
        site.put(STORED, work, document, *busybox())
        result = run(site, f"aci:{NAME}:1.0.0")
        assert result.status == 125 and word in result.err, result
    site.pages[STORED] = (200, b"no archive at all")
    assert run(site, f"aci:{NAME}:1.0.0").status == 125
    assert cli.good("images", "-q").out == ""


@in_a_network
def test_where_templates_may_lead(work, site):
    """not to this host by another name, not to http or other schemes; a server's fault is told"""
    for template, word in (
            ("https://127.0.0.1/files/{os}/{arch}/{name}-{version}.{ext}", "not public"),
            ("https://[::1]/{name}-{version}.{ext}", "not public"),
            ("http://localhost/files/{os}/{arch}/{name}-{version}.{ext}", "ac-discovery"),
            ("file:///etc/passwd?{name}-{version}.{ext}", "ac-discovery")):
        site.page("/project/app", template)
        result = run(site, f"aci:{NAME}:1.0.0")
        assert result.status == 125 and word in result.err, (template, result)
    site.pages["/project/app?ac-discovery=1"] = (302, b"http://localhost/x")
    assert run(site, f"aci:{NAME}:1.0.0").status == 125
    assert cli.good("images", "-q").out == "" and work


@in_a_network
def test_discovered_dependencies(work, site):
    """an image's dependencies are found by their names, and their imageID is checked"""
    site.page("/", TEMPLATE, LATEST)
    labels = {"version": "3", "os": "linux", "arch": "amd64"}
    image_id = site.put("/files/linux/amd64/localhost/base-3.aci", work,
                        manifest("localhost/base", labels), *busybox(), f("rootfs/f", "base\n"))
    need = {"imageName": "localhost/base", "labels": pairs({"version": "3"}), "imageID": image_id}
    document = manifest(NAME, aci_files.LABELS, {"exec": ["/bin/cat", "/f"]}, dependencies=[need])
    site.put(STORED, work, document, d("rootfs"))
    result = run(site, f"aci:{NAME}:1.0.0")
    assert result.out == "base\n", result
    need["imageID"] = "sha512-" + "1" * 128
    site.put(STORED, work, document, d("rootfs"))
    result = run(site, f"aci:{NAME}:1.0.0", options=("--pull", "always"))
    assert result.status == 125 and "imageID" in result.err, result


@in_a_network
def test_where_names_may_lead(work, site):
    """an image's word leads to no private address; a person's word and the configuration do"""
    with open(site.config, encoding="ascii") as file:
        config = json.load(file)
    path = os.path.join(work, "local.aci")
    need = {"imageName": "127.0.0.1/base"}
    aci(path, manifest(NAME, app={"exec": ["/bin/true"]}, dependencies=[need]), d("rootfs"))
    for reference, more, is_led in (
            (path, {}, False), ("aci:127.0.0.1/base", {}, True),
            (path, {"allow_addresses": ["127.0.0.0/8"]}, True),
            (path, {"registries": {"127.0.0.1": {}}}, True)):
        with open(site.config, "w", encoding="ascii") as file:
            json.dump(config | more, file)
        result = run(site, reference)
        assert result.status == 125, result
        # Who is led there meets a certificate that nobody vouches for.
        assert ("not public" in result.err) != is_led, (reference, more, result)
        assert ("certificate" in result.err) == is_led, (reference, more, result)


@in_a_network
def test_discovered_signature(work, site):
    """the template's aci.asc, where keys are trusted"""
    if not shutil.which("gpg") or not shutil.which("gpgv"):
        return
    site.page("/project/app", TEMPLATE)
    site.put(STORED, work, app("signed"), *busybox())
    served = os.path.join(work, "served.aci")
    os.mkdir(os.path.join(work, "keys"))
    with Keys(os.path.join(work, "keys")) as keys:
        with open(site.config, encoding="ascii") as file:
            config = json.load(file)
        with open(site.config, "w", encoding="ascii") as file:
            json.dump({**config, "trusted_keys": keys.keyring}, file)
        result = run(site, f"aci:{NAME}:1.0.0")
        assert result.status == 125 and "aci.asc" in result.err, result
        for key in ("other", "trusted"):
            keys.sign(served, key)
            with open(served + ".asc", "rb") as file:
                site.pages[STORED + ".asc"] = (200, file.read())
            result = run(site, f"aci:{NAME}:1.0.0")
            assert (result.out == "signed\n") == (key == "trusted"), (key, result)


def test_what_is_a_name(work):
    """a file comes first; what is no name is told as a missing file"""
    for reference in ("aci:none.aci", "aci:./localhost/app", "aci:none", "aci:A/b"):
        text = cli.refused("run", "--rm", reference)
        assert "no such file" in text, text
    text = cli.refused("run", "--rm", "aci:localhost/app,bad")
    assert "label" in text and work, text


if __name__ == "__main__":
    if not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())
