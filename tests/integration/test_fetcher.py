#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""--uri: what is fetched into a sandbox, under which name, and what is refused."""
import gzip
import http.server
import json
import os
import subprocess
import time

import cli
import http_server
from cli import run
import tap
import task_files
import unpacker

SCRIPT = b"#!/bin/sh\necho ran\n"


def need_root():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")


def written(name, data):
    with open(cli.path(name), "wb") as f:
        f.write(data)
    return cli.path(name)


def host(script, *uris, options=()):
    words = [word for uri in uris for word in ("--uri", uri)]
    return run("run", "--rm", *options, *words, "--shell", "host:", script)


def fetched(script, *uris, options=()):
    result = host(script, *uris, options=options)
    assert result.status == 0, result
    return result.out


def refused(*uris, options=()):
    words = [word for uri in uris for word in ("--uri", uri)]
    text = cli.refused("run", "--rm", *options, *words, "host:", "true")
    assert not os.listdir(os.path.join(cli.ROOT, "containers")), text
    return text


def cached():
    where = os.path.join(cli.ROOT, "fetch-cache")
    return [name for name in os.listdir(where) if len(name) == 64] if os.path.exists(where) else []


class Server:
    """Serves bytes by path on loopback; counts."""

    def __init__(self, files, delay=0):
        self.asked = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            """404 for what is not there."""

            def do_GET(self):  # pylint: disable=invalid-name
                outer.asked.append(self.path)
                time.sleep(delay)
                data = files.get(self.path)
                self.send_response(200 if data is not None else 404)
                self.send_header("Content-Length", str(len(data or b"")))
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *_args):  # pylint: disable=arguments-differ
                pass

        self.server = http_server.Server(Handler)
        self.host = self.server.host

    def options(self, work):
        """That let its plain http be used."""
        path = os.path.join(work, "registries.json")
        with open(path, "w", encoding="ascii") as f:
            json.dump({"registries": {self.host: {"insecure": True}}}, f)
        return ["--registries", path]

    def stop(self):
        self.server.stop()


def test_suffixes(_work):
    need_root()
    plain = written("notes.txt", b"text\n")
    packed = written("notes2.txt.gz", gzip.compress(b"unpacked\n"))
    tar = written("t.tar.gz", task_files.tar_bytes([("in/side", b"side\n", 0o644)]))
    unknown = written("t.bin", task_files.tar_bytes([("never", b"", 0o644)]))
    out = fetched("cat notes.txt notes2.txt in/side; ls", plain, packed, tar, unknown)
    assert out.split() == ["text", "unpacked", "side", "in", "notes.txt", "notes2.txt",
                           "notes2.txt.gz", "t.bin", "t.tar.gz"], out


def test_extract_false(_work):
    need_root()
    tar = written("t.tar.gz", task_files.tar_bytes([("in/side", b"side\n", 0o644)]))
    assert fetched("ls", tar + ",extract=false") == "t.tar.gz\n"
    assert fetched("ls", tar + ",extract=true") == "in\nt.tar.gz\n"


def test_executable(_work):
    need_root()
    script = written("tool.zip", SCRIPT)
    assert fetched("./tool.zip", script + ",executable=true") == "ran\n"
    assert host("./tool.zip", script + ",extract=false").status == 126


def test_output_file(_work):
    need_root()
    script = written("tool", SCRIPT)
    out = fetched("a/b/c; stat -c %u:%g a a/b a/b/c", script +
                  ",executable=true,output_file=a/b/c", options=["-u", "33:44"])
    assert out == "ran\n" + "33:44\n" * 3, out
    for path in ("/etc/x", "../x", "a/../../x", "a//b", "a/", "./x"):
        assert "output_file=" in refused(f"{script},output_file={path}"), path


def test_names_of_users(_work):
    """whose the sandbox is may be told by a name of the host, or of the image"""
    need_root()
    script = written("tool", SCRIPT)
    assert fetched("stat -c %U tool .", script, options=["-u", "daemon"]) == "daemon\n" * 2
    text = refused(script, options=["-u", "no-such-user"])
    assert "no-such-user" in text, text


def test_file_uri_and_commas(_work):
    need_root()
    path = written("a,b=c", b"comma\n")
    assert fetched("cat 'a,b=c'", "file://" + path) == "comma\n"


def test_refusals(_work):
    need_root()
    good = written("good", b"")
    for uri, word in (("hdfs://h/x", "hdfs://"), ("ftp://h/x", "ftp://"), ("s3://b/x", "s3://"),
                      (cli.path("absent"), "absent"), ("/dev/zero", "no regular file"),
                      (cli.WORK, "no regular file"), (good + ",extract=maybe", "extract=maybe"),
                      (written("x.gz", b"plain"), "not compressed by gzip"),
                      (written("x.tar.gz", b"plain" * 200), "not a tar"),
                      (written("x.zip", b"plain"), "not a zip")):
        text = refused(good, uri)
        assert word in text, (word, text)


def test_http(work):
    need_root()
    server = Server({"/d/app.tar.gz?v=1": task_files.tar_bytes([("f", b"web\n", 0o644)]),
                     "/tool": SCRIPT})
    try:
        options = server.options(work)
        out = fetched("cat f; ./tool; ls", f"http://{server.host}/d/app.tar.gz?v=1",
                      f"http://{server.host}/tool,executable=true", options=options)
        assert out.split() == ["web", "ran", "app.tar.gz", "f", "tool"], out
        text = refused(f"http://{server.host}/absent", options=options)
        assert "404" in text and "/absent" in text, text
        assert server.asked == ["/d/app.tar.gz?v=1", "/tool", "/absent"], server.asked
    finally:
        server.stop()


def test_bounds(work):
    """bombs end early, whatever they are packed with"""
    need_root()
    program = os.path.join(tap.build_dir(), "bin", "ucr-unpack")
    zeros = bytes(3 << 20)
    bombs = {"zip": task_files.zip_bytes({"f": zeros}),
             "tar": task_files.tar_bytes([("f", zeros, 0o644)]), "gzip": gzip.compress(zeros)}
    many = {"zip": task_files.zip_bytes({str(n): b"" for n in range(9)}),
            "tar": task_files.tar_bytes([(str(n), b"", 0o644) for n in range(9)])}
    cases = [(kind, data, {"ratio_from": 1 << 20}) for kind, data in bombs.items()]
    cases += [(kind, data, {"bytes": 2 << 20}) for kind, data in bombs.items()]
    cases += [(kind, data, {"entries": 5}) for kind, data in many.items()]
    for number, (kind, data, limits) in enumerate(cases):
        place = os.path.join(work, str(number))
        os.mkdir(place)
        request = {"format": kind, "name": "app.gz", "uid": 1, "gid": 1}
        source = written("bomb", data)
        try:
            unpacker.extract(program, source, place, limits=limits, **request)
            raise AssertionError((kind, limits))
        except unpacker.UnpackError as refusal:
            assert refusal.text, refusal
        used = sum(os.path.getsize(os.path.join(place, n)) for n in os.listdir(place))
        assert used < (3 << 20), (kind, limits, used)
        os.mkdir(place + "-good")
        unpacker.extract(program, source, place + "-good", **request)
        assert os.stat(place + "-good").st_uid == 1


def test_cache_is_shared(work):
    """one download for any number of tasks that want it at once"""
    need_root()
    server = Server({"/app.zip": task_files.zip_bytes({"f": b"web\n"})}, delay=0.5)
    try:
        words = [*server.options(work), "--uri", f"http://{server.host}/app.zip,cache=true"]
        tasks = [subprocess.Popen([cli.UCRCTL, "--root", cli.ROOT, "run", "--rm", *words, "host:",
                                   "sh", "-c", "cat f; ls"], stdout=subprocess.PIPE, text=True)
                 for _ in range(8)]
        for task in tasks:
            out, _ = task.communicate(timeout=120)
            assert (task.returncode, out) == (0, "web\nf\n"), (task.returncode, out)
        assert server.asked == ["/app.zip"], server.asked
        result = run("run", "--rm", "-u", "33", *words, "host:", "cat", "f")
        assert result.out == "web\n", result
        assert len(server.asked) == 2, "another user's download is another one"
        assert len(cached()) == 2, cached()
        cli.good("gc", "--all")
        assert not cached(), cached()
    finally:
        server.stop()


def test_cache_limit(work):
    """the least recently used go first"""
    need_root()
    server = Server({f"/{name}": name.encode() * 1000 for name in "abc"})
    try:
        def get(name):
            out = fetched(f"cat {name} | wc -c", f"http://{server.host}/{name},cache=true",
                          options=[*server.options(work), "--fetch-cache-size", "2500"])
            assert out == "1000\n", out
        for name in "abacab":
            get(name)
        # a, b come; a is used; c puts b out; a is there; b is asked for again
        assert server.asked == ["/a", "/b", "/c", "/b"], server.asked
        assert len(cached()) == 2
    finally:
        server.stop()


def test_cache_after_a_failure(work):
    """a download that failed or was killed is made again"""
    need_root()
    files = {}
    server = Server(files)
    try:
        cli.good("gc", "--all")
        uri = f"http://{server.host}/late,cache=true"
        assert "404" in refused(uri, options=server.options(work))
        assert not cached(), cached()
        files["/late"] = b"late\n"
        assert fetched("cat late", uri, options=server.options(work)) == "late\n"
        name = cached()[0]
        where = os.path.join(cli.ROOT, "fetch-cache")
        os.rename(os.path.join(where, name), os.path.join(where, name + ".tmp"))
        files["/late"] = b"again\n"
        assert fetched("cat late", uri, options=server.options(work)) == "again\n"
        written(os.path.join(where, "0" * 64 + ".tmp"), b"of a killed download")
        cli.good("gc")
        assert cached() == [name] and len(os.listdir(where)) == 2, os.listdir(where)
        cli.good("gc", "--all")
        assert not os.listdir(where), os.listdir(where)
    finally:
        server.stop()


if __name__ == "__main__":
    tap.main(globals())
