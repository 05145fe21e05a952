#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What goes wrong is told in words, with the right status, and leaves nothing behind."""
import json
import os
import re

import tap
import ucrtest

ucrtest.need_root()


def program(b, *args):
    b.config["process"]["args"] = list(args)


def test_not_found(work):
    """a program that does not exist: 127, at create already"""
    with ucrtest.bundle(work) as b:
        program(b, "nosuch")
        for verb in ("run", "create"):
            told = b.ucr(verb, "a", status=127).stderr
            assert '"nosuch": executable file not found in $PATH' in told, told
            assert "no such file or directory" in told.lower()
        program(b, "/no/such")
        assert '"/no/such": no such file' in b.ucr("run", "a", status=127).stderr.lower()


def test_not_executable(work):
    """a program that cannot be executed: 126"""
    with ucrtest.bundle(work) as b:
        for name, mode, text in (("plain", 0o644, "x"), ("garbage", 0o755, "\1garbage")):
            path = os.path.join(b.rootfs, name)
            with open(path, "w", encoding="ascii") as f:
                f.write(text)
            os.chmod(path, mode)
            program(b, "/" + name)
            b.ucr("run", "a", status=126)
        program(b, "/bin")
        assert "permission denied" in b.ucr("run", "a", status=126).stderr


def test_search(work):
    """PATH is searched inside, and only its absolute entries"""
    with ucrtest.bundle(work) as b:
        os.link(os.path.join(b.rootfs, "payload"), os.path.join(b.rootfs, "bin/tool"))
        program(b, "tool", "exit", "5")
        b.ucr("run", "a", status=5)
        b.config["process"]["env"] = ["PATH=:.:bin"]
        b.config["process"]["cwd"] = "/bin"
        b.ucr("run", "a", status=127)


def test_missing_interpreter(work):
    """a script whose interpreter is missing: 127 from start, and the container is gone"""
    with ucrtest.bundle(work) as b:
        path = os.path.join(b.rootfs, "script")
        with open(path, "w", encoding="ascii") as f:
            f.write("#!/no/interpreter\n")
        os.chmod(path, 0o755)
        program(b, "/script")
        b.ucr("run", "a", status=127)
        b.create("a")
        assert "/script" in b.ucr("start", "a", status=127).stderr
        b.wait_stopped("a")
        b.ucr("delete", "a")


def test_bundles(work):
    """no bundle, no config.json, no root, not JSON"""
    with ucrtest.bundle(work) as b:
        assert "/no/bundle" in b.ucr("run", "-b", "/no/bundle", "a", status=1).stderr
        assert "no config.json" in b.ucr("run", "-b", b.rootfs, "a", status=1).stderr
        b.config["root"]["path"] = "absent"
        assert "absent" in b.ucr("run", "a", status=1).stderr
        bad = os.path.join(b.path, "rootfs/config.json")
        with open(bad, "w", encoding="ascii") as f:
            f.write("{")
        assert "config.json" in b.ucr("run", "-b", b.rootfs, "a", status=1).stderr


def test_values(work):
    """values that cannot be honoured are named"""
    changes = (
        (lambda c: c["process"].update(cwd="relative"), "cwd"),
        (lambda c: c["process"].update(rlimits=[{"type": "RLIMIT_X", "soft": 1, "hard": 1}]),
         "RLIMIT_X"),
        (lambda c: c["linux"]["namespaces"].append({"type": "pid"}), "pid"),
        (lambda c: c["linux"]["namespaces"].append({"type": "moon"}), "moon"),
        (lambda c: c["linux"].update(cgroupsPath="/../x"), ".."),
        (lambda c: c["linux"].update(sysctl={"kernel.core_pattern": "x"}), "core_pattern"),
        (lambda c: c["mounts"].append({"destination": "/m", "type": "nosuchfs"}), "nosuchfs"),
        (lambda c: c["mounts"].append({"destination": "/m", "type": "bind",
                                       "source": "/no/source", "options": ["bind"]}),
         "/no/source"),
        (lambda c: c.update(ociVersion="2.0.0"), "2.0.0"),
    )
    for change, word in changes:
        with ucrtest.bundle(work) as b:
            change(b.config)
            told = b.ucr("run", "a", status=1).stderr
            assert word in told, (word, told)


def test_json_log(work):
    """--log gets the error as JSON, one object a line, beside the words on stderr"""
    with ucrtest.bundle(work) as b:
        program(b, "nosuch")
        log = os.path.join(b.path, "log")
        for _ in range(2):
            b.write()
            done = b.ucr("--log", log, "--log-format", "json", "create", "a", status=127)
            assert "nosuch" in done.stderr
        with open(log, encoding="utf-8") as f:
            lines = [json.loads(line) for line in f]
        assert [entry["level"] for entry in lines] == ["error", "error"]
        assert "executable file not found in $PATH" in lines[0]["msg"]
        assert lines[0]["time"].startswith("20")


def test_usage(work):
    """wrong options and missing arguments"""
    with ucrtest.bundle(work) as b:
        for args in (("run",), ("run", "a", "b"), ("run", "--nosuch", "a"), ("nosuch",),
                     ("create", "--preserve-fds", "x", "a"), ("list", "-f", "xml"),
                     ("run", "--preserve-fds", "5", "a"),
                     ("run", "--console-socket", "/nowhere", "a")):
            assert b.ucr(*args, status=1).stderr.startswith("ucr"), args


def test_dropped_terminal(work):
    """a terminal needs somebody who takes it"""
    with ucrtest.bundle(work, terminal=True) as b:
        assert "--console-socket" in b.ucr("create", "a", status=1).stderr
        b.ucr("create", "--console-socket", "/no/socket", "a", status=1)


def test_help(work):
    """help is the verb that errors point to, and knows every other"""
    with ucrtest.bundle(work) as b:
        assert '"ucr help"' in b.ucr("frobnicate", status=1).stderr
        overview = b.ucr("help").stdout
        assert overview == b.ucr("--help").stdout
        verbs = re.findall(r"^  ([a-z]+) {2,}\S", overview, re.M)
        assert {"run", "exec", "help"} <= set(verbs), overview
        for verb in verbs:
            assert b.ucr("help", verb).stdout == b.ucr(verb, "--help").stdout
        assert 'did you mean "run"' in b.ucr("help", "rum", status=1).stderr


tap.main(globals())
