#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""App Container Images: loaded, checked, rendered with what they depend on, and run as they say."""
import bz2
import gzip
import json
import lzma
import os
import shutil
import signal
import stat
import subprocess
import time

import aci_files
from aci_files import aci, app, busybox, manifest, pairs
import cli
from image_files import d, entry, f
import tap


def need_root():
    if os.geteuid() != 0:
        raise tap.Skip("needs root")


def run(image, *args, options=(), **kw):
    return cli.run("run", "--rm", *options, image, *args, **kw)


def good(image, *args, options=()):
    result = run(image, *args, options=options)
    assert result.status == 0, result
    return result.out


def shell(work, script, *members, options=(), args=(), **fields):
    """What an app prints whose command is a script."""
    path = os.path.join(work, "shell.aci")
    app(path, ["/bin/sh", "-c", script], *members, **fields)
    return good(path, *args, options=options)


def refused(work, document, *members):
    """Refused with nothing left, in a store of its own: fsck reads all there is in one."""
    path, root = os.path.join(work, "bad.aci"), os.path.join(work, "root")
    aci(path, document, *members)
    text = cli.refused("run", "--rm", "aci:" + path, root=root)
    assert cli.good("images", "-q", root=root).out == "", document
    cli.good("fsck", root=root)
    return text


def test_compressions(work):
    """none, gzip, bzip2 and xz; recognised by the content, and by aci: and load"""
    for name, compress in (("plain", None), ("gzip", gzip.compress), ("bzip2", bz2.compress),
                           ("xz", lzma.compress)):
        path = os.path.join(work, name + ".aci")
        app(path, ["/bin/echo", name], compress=compress)
        assert good(path) == name + "\n"
        assert good("aci:" + path, "more") == f"{name} more\n"
    out = cli.good("load", "-i", path).out
    assert "example.com/app:1.0.0" in out, out


def test_manifest_to_config(work):
    """inspect shows what the manifest says in OCI's words"""
    path = os.path.join(work, "a.aci")
    document = manifest(
        "example.com/project/worker", {"version": "2.1", "os": "linux", "arch": "aarch64"},
        {"exec": ["/bin/true"], "user": "app", "group": "extra", "workingDirectory": "/tmp",
         "environment": pairs({"A": "b=c"}), "userLabels": {"team": "blue"},
         "ports": [{"name": "web", "port": 80, "protocol": "tcp"},
                   {"name": "many", "port": 7000, "count": 3, "protocol": "udp"}],
         "mountPoints": [{"name": "data", "path": "/data"}]},
        annotations=pairs({"authors": "A", "created": "2014-10-27T19:32:27Z", "homepage": "H"}))
    aci(path, document, *busybox())
    cli.good("load", "-i", path)
    image = json.loads(cli.good("inspect", "example.com/project/worker:2.1").out)[0]
    config = image["Config"]
    assert image["Format"] == "aci" and image["Architecture"] == "arm64", image
    assert image["Created"].startswith("2014-10-27") and image["Author"] == "A", image
    assert config["User"] == "app:extra" and config["Entrypoint"] == ["/bin/true"], config
    assert config["Env"] == ["A=b=c", "AC_APP_NAME=worker", "container=ucr"], config
    assert set(config["ExposedPorts"]) == {"80/tcp", "7000-7002/udp"}, config
    assert config["Volumes"] == {"/data": {}} and config["WorkingDir"] == "/tmp", config
    assert config["Appc"]["mount_points"] == [{"name": "data", "path": "/data"}], config
    assert config["Labels"]["team"] == "blue" and config["Labels"]["homepage"] == "H", config


def test_no_app(work):
    """an image that is no app runs what it is told to"""
    path = os.path.join(work, "base.aci")
    aci(path, manifest(), *busybox())
    assert good(path, "/bin/echo", "x") == "x\n"
    assert "nothing to run" in cli.refused("run", "--rm", path)


def test_saved_and_loaded_again(work):
    """save writes an image that is the same one, with everything the manifest said"""
    path, saved = os.path.join(work, "a.aci"), os.path.join(work, "saved.tar")
    app(path, ["/bin/sh", "-c", "id -G; cat /tmp/started"], supplementaryGIDs=[400],
        eventHandlers=[{"name": "pre-start", "exec": ["/bin/sh", "-c", "echo yes >/tmp/started"]}])
    cli.good("load", "-i", path)
    for form in ("docker-archive", "oci-archive"):
        cli.good("save", "--format", form, "-o", saved, "example.com/app:1.0.0")
        other = os.path.join(work, form)
        result = cli.run("run", "--rm", saved, root=other)
        assert result.out == "0 400\nyes\n", result
        loaded = cli.good("images", "-q", "--no-trunc", root=other).out.split()
        assert loaded == cli.good("images", "-q", "--no-trunc", "example.com/app:1.0.0").out.split()
        os.unlink(saved)
        shutil.rmtree(other)
    cli.good("fsck")


def test_user_and_group(work):
    """names, numbers, and the owner of a file"""
    members = [f("rootfs/owned", "x", uid=123, gid=456)]
    for user, group, expected in (("app", "extra", "100 300"), ("77", "88", "77 88"),
                                  ("/owned", "/owned", "123 456"), ("/owned", "0", "123 0"),
                                  ("root", "root", "0 0")):
        out = shell(work, "echo $(id -u) $(id -g)", *members, user=user, group=group)
        assert out == expected + "\n", (user, group, out)
    assert shell(work, "id -G", user="app", group="app", supplementaryGIDs=[300, 401]) == \
        "101 300 401\n"
    assert shell(work, "id -u", user="app", group="app", options=("--user", "5:6")) == "5\n"
    app(os.path.join(work, "shell.aci"), ["/bin/true"], user="/none", group="0")
    assert "/none" in cli.refused("run", "--rm", os.path.join(work, "shell.aci"))
    app(os.path.join(work, "shell.aci"), ["/bin/true"], user="nobody", group="0")
    assert "nobody" in cli.refused("run", "--rm", os.path.join(work, "shell.aci"))


def test_environment(work):
    """the manifest's variables and those that the specification promises"""
    out = shell(work, 'echo "$A|$AC_APP_NAME|$container|$PATH|$PWD"',
                environment=pairs({"A": "$B 'x'"}), workingDirectory="/tmp")
    assert out == ("$B 'x'|app|ucr|/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                   "|/tmp\n"), out


def test_working_directory_is_not_made(work):
    """a working directory that the image lacks is an error; a person's own is made"""
    path = os.path.join(work, "a.aci")
    app(path, ["/bin/pwd"], workingDirectory="/opt/none")
    result = run(path)
    assert result.status in (125, 126, 127) and "/opt/none" in result.err, result
    assert good(path, options=("--workdir", "/opt/mine")) == "/opt/mine\n"
    assert not os.listdir(os.path.join(cli.ROOT, "containers"))


HANDLERS = [{"name": "pre-start", "exec": ["/bin/sh", "-c", "id -u >/tmp/pre"]},
            {"name": "post-stop", "exec": ["/bin/sh", "-c", "echo stopped after $(cat /tmp/pre)"]}]


def test_event_handlers(work):
    """pre-start ends before the program begins, post-stop comes after; the program's status"""
    out = shell(work, "cat /tmp/pre", eventHandlers=HANDLERS, user="app", group="app")
    assert out == "100\nstopped after 100\n", out
    path = os.path.join(work, "a.aci")
    app(path, ["/bin/sh", "-c", "exit 7"], eventHandlers=HANDLERS)
    result = run(path)
    assert result.status == 7 and result.out == "stopped after 0\n", result
    # Another program is not the app.
    assert good(path, "-c", "ls /tmp", options=("--entrypoint", "/bin/sh")) == ""


def test_failing_pre_start(work):
    """the program does not run, the handler's status is the container's"""
    path = os.path.join(work, "a.aci")
    app(path, ["/bin/echo", "ran"],
        eventHandlers=[{"name": "pre-start", "exec": ["/bin/sh", "-c", "exit 9"]},
                       {"name": "post-stop", "exec": ["/bin/echo", "stopped"]}])
    result = run(path)
    assert result.status == 9 and result.out == "", result
    assert "not started" in result.err, result
    app(path, ["/bin/echo", "ran"], eventHandlers=[{"name": "pre-start", "exec": ["/bin/none"]}])
    result = run(path)
    assert result.status == 127 and result.out == "", result


def test_post_stop_after_stop(work):
    """stop ends the program; post-stop still runs"""
    path = os.path.join(work, "a.aci")
    app(path, ["/bin/sleep", "100"],
        eventHandlers=[{"name": "post-stop", "exec": ["/bin/echo", "cleaned"]}])
    name = cli.good("run", "-d", path).out.strip()
    time.sleep(0.3)
    cli.good("stop", name)
    assert cli.good("logs", name).out == "cleaned\n"
    assert cli.run("wait", name).out.strip() == str(128 + signal.SIGTERM)
    cli.good("rm", name)


def test_mount_points(work):
    """a mount point is there, and takes a volume by name or path; readOnly counts"""
    data = os.path.join(work, "data")
    os.mkdir(data)
    with open(os.path.join(data, "f"), "w", encoding="ascii") as file:
        file.write("content\n")
    points = [{"name": "work", "path": "/var/lib/work"},
              {"name": "config", "path": "/conf", "readOnly": True}]
    script = "ls -d /var/lib/work /conf; cat $1/f; touch $1/new && echo written || true"
    for target, place, written in (("work", "/var/lib/work", True), ("config", "/conf", False),
                                   ("config:rw", "/conf", True),
                                   ("/conf", "/conf", False)):
        out = shell(work, script, mountPoints=points, args=("sh", place),
                    options=("--volume", f"{data}:{target}"))
        expected = "/conf\n/var/lib/work\ncontent\n" + ("written\n" if written else "")
        assert sorted(out.splitlines()) == sorted(expected.splitlines()), (target, out)
        assert os.path.exists(os.path.join(data, "new")) == written
        if written:
            os.unlink(os.path.join(data, "new"))


def status_of(work, field, options=(), **fields):
    return shell(work, f"grep {field} /proc/self/status", options=options, **fields).split()[1]


def isolator(name, value):
    return {"isolators": [{"name": name, "value": value}]}


def test_capabilities(work):
    """retained and removed ones, of ours; options have the last word"""
    def caps(options=(), **fields):
        return int(status_of(work, "CapBnd", options=options, **fields), 16)
    default = caps()
    retain = isolator("os/linux/capabilities-retain-set", {"set": ["CAP_KILL", "CAP_NET_ADMIN"]})
    remove = isolator("os/linux/capabilities-remove-set", {"set": ["CAP_KILL", "CAP_SYS_ADMIN"]})
    kill, chown, admin = 1 << 5, 1 << 0, 1 << 12
    assert caps(**retain) == kill
    assert caps(**remove) == default & ~kill
    assert caps(options=("--cap-add", "CHOWN"), **retain) == kill | chown
    assert caps(options=("--cap-add", "NET_ADMIN"), **retain) == kill | admin
    assert caps(options=("--cap-drop", "KILL"), **retain) == 0


def test_no_new_privileges(work):
    """an image may ask for it, and cannot take it away"""
    name = "os/linux/no-new-privileges"
    off = ("--no-new-privileges=false",)
    assert status_of(work, "NoNewPrivs", options=off) == "0"
    assert status_of(work, "NoNewPrivs", options=off, **isolator(name, True)) == "1"
    assert status_of(work, "NoNewPrivs", **isolator(name, False)) == "1"


def test_seccomp_sets(work):
    """removed and retained system calls, with an error number and without"""
    script = "mkdir /tmp/d 2>&1; echo $?"
    members = [entry("rootfs/bin/mkdir", "l", link="busybox")]
    names = ["mkdir", "mkdirat"]
    out = shell(work, script, *members,
                **isolator("os/linux/seccomp-remove-set", {"set": names, "errno": "ENOTSUP"}))
    assert "not supported" in out and out.endswith("1\n"), out
    out = shell(work, script, *members, **isolator("os/linux/seccomp-remove-set", {"set": names}))
    assert out.endswith(f"{128 + signal.SIGSYS}\n"), out
    out = shell(work, script, *members,
                **isolator("os/linux/seccomp-remove-set", {"set": ["@appc.io/empty"]}))
    assert out == "0\n", out
    out = shell(work, script, *members, options=("--security-opt", "seccomp=unconfined"),
                **isolator("os/linux/seccomp-remove-set", {"set": names}))
    assert out == "0\n", out
    path = os.path.join(work, "a.aci")
    app(path, ["/bin/echo", "x"],
        **isolator("os/linux/seccomp-retain-set", {"set": ["read", "brk"]}))
    assert run(path).status == 128 + signal.SIGSYS
    app(path, ["/bin/echo", "x"],
        **isolator("os/linux/seccomp-retain-set", {"set": ["@appc.io/all"]}))
    assert good(path) == "x\n"
    app(path, ["/bin/echo", "x"],
        **isolator("os/linux/seccomp-remove-set", {"set": names, "errno": "ENONE"}))
    assert "ENONE" in cli.refused("run", "--rm", path)


def test_limits(work):
    """memory and processors, unless an option says otherwise"""
    need_root()
    path = os.path.join(work, "a.aci")
    isolators = [{"name": "resource/memory", "value": {"request": "1Mi", "limit": "64Mi"}},
                 {"name": "resource/cpu", "value": {"limit": "500m"}},
                 {"name": "os/linux/oom-score-adj", "value": 300}]
    app(path, ["/bin/sleep", "100"], isolators=isolators)
    for options, memory, quota in (((), 64 << 20, 50000),
                                   (("--memory", "32m", "--cpus", "0.25"), 32 << 20, 25000)):
        name = cli.good("run", "-d", *options, path).out.strip()
        with open(os.path.join(cli.ROOT, "containers", name, "config.json"),
                  encoding="utf-8") as file:
            spec = json.load(file)
        resources = spec["linux"]["resources"]
        assert resources["memory"]["limit"] == memory, resources
        assert resources["cpu"]["quota"] == quota, resources
        assert spec["process"]["oomScoreAdj"] == 300, spec
        cli.good("rm", "-f", name)


def test_sysctls(work):
    """of its own namespaces; others are refused"""
    name = "os/unix/sysctl"
    out = shell(work, "cat /proc/sys/net/ipv4/ip_forward",
                **isolator(name, {"net.ipv4.ip_forward": "1"}))
    assert out == "1\n", out
    path = os.path.join(work, "a.aci")
    app(path, ["/bin/true"], **isolator(name, {"kernel.panic": "1"}))
    assert "kernel.panic" in cli.refused("run", "--rm", path)


def test_unknown_isolator_is_told(work):
    path = os.path.join(work, "a.aci")
    app(path, ["/bin/true"], **isolator("resource/network-bandwidth", {"limit": "1G"}))
    result = run(path)
    assert result.status == 0 and "resource/network-bandwidth" in result.err, result


def test_attributes_survive(work):
    """modes, owners, times, links, extended attributes, holes, names: through the rendering"""
    need_root()
    path, tree = os.path.join(work, "a.aci"), os.path.join(work, "tree")
    long_name = "\xc3\xa9" + "n" * 150
    script = "cd /x; stat -c '%n %a %u %g %Y' f d; readlink s; [ f -ef h ] && echo linked"
    app(path, ["/bin/sh", "-c", script],
        d("rootfs/x", mtime=11),
        f("rootfs/x/f", "data", mode=0o4751, uid=10, gid=20, mtime=1234567890,
          pax={"SCHILY.xattr.user.k": "v", "mtime": "1234567890.123456789"}),
        entry("rootfs/x/h", "h", link="rootfs/x/f"),
        d("rootfs/x/d", mode=0o2775, uid=3, gid=4, mtime=22, pax={"SCHILY.xattr.user.d": "w"}),
        entry("rootfs/x/s", "l", link="../etc/passwd", uid=5, gid=6, mtime=33),
        f("rootfs/x/sparse", "begin" + "end", pax={
            "GNU.sparse.size": str(3 << 20), "GNU.sparse.map": f"0,5,{(3 << 20) - 3},3"}),
        f("rootfs/x/" + long_name, "long"))
    assert good(path) == "f 4751 10 20 1234567890\nd 2775 3 4 22\n../etc/passwd\nlinked\n"
    os.mkdir(tree)
    cli.good("unpack", "-q", path, tree)

    def facts(name):
        seen = os.lstat(os.path.join(tree, "x", name))
        return stat.S_IMODE(seen.st_mode), seen.st_uid, seen.st_gid, seen.st_mtime_ns

    def content(name):
        with open(os.path.join(tree, "x", name), "rb") as file:
            return file.read()

    def xattrs(name):
        full = os.path.join(tree, "x", name)
        return {key: os.getxattr(full, key) for key in os.listxattr(full)}

    assert facts("f") == facts("h") == (0o4751, 10, 20, 1234567890123456789), facts("f")
    assert os.path.samefile(os.path.join(tree, "x/f"), os.path.join(tree, "x/h"))
    assert facts("d") == (0o2775, 3, 4, 22 * 10**9), facts("d")
    assert facts("s")[1:] == (5, 6, 33 * 10**9), facts("s")
    assert os.readlink(os.path.join(tree, "x/s")) == "../etc/passwd"
    assert facts("") == (0o755, 0, 0, 11 * 10**9), facts("")
    assert xattrs("f") == {"user.k": b"v"} and xattrs("d") == {"user.d": b"w"}, xattrs("f")
    assert content("sparse") == b"begin" + bytes((3 << 20) - 8) + b"end"
    blocks = os.stat(os.path.join(tree, "x/sparse")).st_blocks
    assert blocks * 512 < 1 << 20, f"holes were filled: {blocks} blocks"
    assert content(long_name) == b"long", os.listdir(os.path.join(tree, "x"))


LAYERS = {"base": [d("rootfs"), f("rootfs/shared", "base"), f("rootfs/only-base", "b"),
                   d("rootfs/dir"), f("rootfs/dir/in-base", "b"), d("rootfs/real"),
                   entry("rootfs/link", "l", link="real")],
          "mid": [d("rootfs"), f("rootfs/shared", "mid"), d("rootfs/link"),
                  f("rootfs/link/file", "mid")]}


def dependency(name, **more):
    return {"imageName": f"example.com/{name}", "labels": pairs({"version": "1.0.0"}), **more}


def put_dependency(work, name, *members, **more):
    """Beside the image, where simple discovery finds it."""
    directory = os.path.join(work, "example.com")
    os.makedirs(directory, exist_ok=True)
    return aci(os.path.join(directory, f"{name}-1.0.0-linux-amd64.aci"),
               manifest(f"example.com/{name}", **more), *members)


def dependent(work, dependencies, *members, script="", **more):
    path = os.path.join(work, "top.aci")
    document = manifest(app={"exec": ["/bin/sh", "-c", script]}, dependencies=dependencies, **more)
    aci(path, document, *busybox(), *members)
    return path


def test_dependencies(work):
    """in order, depth first, the image last; a link in the way is replaced, never followed"""
    put_dependency(work, "base", *LAYERS["base"])
    put_dependency(work, "mid", *LAYERS["mid"], dependencies=[dependency("base")])
    path = dependent(work, [dependency("mid")], f("rootfs/top", "t"),
                     script="cat /shared /only-base /dir/in-base /link/file /top; "
                            "[ -L /link ] && echo link; ls /real")
    assert good(path) == "midbbmidt", run(path)
    # The same from a store that has the image already, without the files.
    shutil.rmtree(os.path.join(work, "example.com"))
    assert good("example.com/app:1.0.0") == "midbbmidt"


def test_dependency_order(work):
    """A -> [B, C], C -> [D]: D and C over B, A over all"""
    for name in "bcd":
        more = {"dependencies": [dependency("d")]} if name == "c" else {}
        put_dependency(work, name, d("rootfs"), f("rootfs/f", name), f("rootfs/" + name, name),
                       *([f("rootfs/d2", "c")] if name == "c" else [f("rootfs/d2", name)]), **more)
    path = dependent(work, [dependency("b"), dependency("c")], script="cat /f /d2 /b /c /d")
    assert good(path) == "ccbcd"


def test_path_whitelist(work):
    """what is not listed is gone, of the image and of what it depends on"""
    put_dependency(work, "base", *LAYERS["base"],
                   pathWhitelist=["/shared", "/dir/in-base", "/only-base"])
    listed = ["/bin/sh", "/bin/busybox", "/bin/sort", "/bin/find", "/shared", "/dir/in-base",
              "/hard", "/link"]
    path = dependent(work, [dependency("base")], f("rootfs/original", "content"),
                     entry("rootfs/hard", "h", link="rootfs/original"),
                     script="cd /; find . -xdev -type f -o -xdev -type l | sort | "
                            "while read -r f; do case $f in ./etc/*) ;; *) echo $f;; esac; done; "
                            "read line </hard; echo $line",
                     pathWhitelist=listed)
    out = good(path)
    assert out == ("./bin/busybox\n./bin/find\n./bin/sh\n./bin/sort\n./dir/in-base\n./hard\n"
                   "./shared\ncontent\n"), out


def test_dependency_is_checked(work):
    """imageID, size, name and labels"""
    image_id = put_dependency(work, "base", *LAYERS["base"])
    size = os.path.getsize(os.path.join(work, "example.com/base-1.0.0-linux-amd64.aci"))
    script = {"script": "cat /only-base"}
    for good_one in ({"imageID": image_id}, {"imageID": image_id[:60]}, {"size": size}):
        assert good(dependent(work, [dependency("base", **good_one)], **script)) == "b"
    for bad, word in (({"imageID": "sha512-" + "0" * 128}, "imageID"), ({"size": 5}, "bytes"),
                      ({"labels": pairs({"version": "1.0.0", "env": "canary"})}, "labels")):
        text = cli.refused("run", "--rm", dependent(work, [dependency("base") | bad], **script))
        assert word in text and "example.com/base" in text, text
    os.rename(os.path.join(work, "example.com/base-1.0.0-linux-amd64.aci"),
              os.path.join(work, "example.com/other-1.0.0-linux-amd64.aci"))
    text = cli.refused("run", "--rm", dependent(work, [dependency("other")], **script))
    assert "calls itself example.com/base" in text, text


def test_missing_dependency(work):
    text = cli.refused("run", "--rm", dependent(work, [dependency("none")]))
    assert "example.com/none" in text, text


def test_dependency_circles(work):
    """refused, whether direct or not; too many ways through a lattice as well"""
    put_dependency(work, "a", d("rootfs"), dependencies=[dependency("b")])
    put_dependency(work, "b", d("rootfs"), dependencies=[dependency("a")])
    put_dependency(work, "self", d("rootfs"), dependencies=[dependency("self")])
    for name in ("a", "self"):
        text = cli.refused("run", "--rm", dependent(work, [dependency(name)]))
        assert "depends on itself" in text, text
    for level in range(20):
        put_dependency(work, f"l{level}", d("rootfs"),
                       dependencies=[dependency(f"l{level + 1}")] * 2 if level < 19 else [])
    text = cli.refused("run", "--rm", dependent(work, [dependency("l0")]))
    assert "parts" in text, text


def test_dependency_of_the_same_name(work):
    """with other labels it is another image, not a circle"""
    base = put_dependency(work, "app", d("rootfs"), f("rootfs/only-base", "b"))
    path = os.path.join(work, "top.aci")
    for labels in ({}, {"version": "2.0.0"}):
        aci(path, manifest(labels=labels, app={"exec": ["/bin/sh", "-c", "cat /only-base"]},
                           dependencies=[dependency("app", imageID=base)]), *busybox())
        assert good(path) == "b"


BAD_MANIFESTS = [
    (b"{", "manifest"), (b"[]", "object"), (b'{"acKind":"ImageManifest"}', "missing"),
    (manifest() | {"acKind": "PodManifest"}, "PodManifest"),
    (manifest() | {"acVersion": "one"}, "acVersion"),
    (manifest("Upper"), "name"), (manifest("a//b"), "name"), (manifest("../etc"), "name"),
    (manifest(labels={"name": "x"}), "label"), (manifest(labels={"os": "plan9"}), "plan9"),
    (manifest() | {"labels": pairs({"a": "1"}) * 2}, "twice"),
    (manifest(app={"exec": ["bin/sh"]}), "absolute"),
    (manifest(app={"exec": ["/bin/../../sh"]}), ".."),
    (manifest(app={"user": "a:b"}), "':'"), (manifest(app={"user": ""}), "empty"),
    (manifest(app={"workingDirectory": "tmp"}), "working directory"),
    (manifest(app={"environment": pairs({"A=B": "c"})}), "environment"),
    (manifest(app={"eventHandlers": [{"name": "boom", "exec": ["/x"]}]}), "boom"),
    (manifest(app={"eventHandlers": [{"name": "pre-start", "exec": ["/x"]}] * 2}), "twice"),
    (manifest(app={"mountPoints": [{"name": "m", "path": "/../etc"}]}), ".."),
    (manifest(app={"ports": [{"name": "p", "port": 0, "protocol": "tcp"}]}), "port"),
    (manifest(app={"ports": [{"name": "p", "port": 9, "count": 65535, "protocol": "tcp"}]}),
     "port"),
    (manifest(app={"isolators": [{"name": "resource/cpu", "value": {"limit": "lots"}}]}), "lots"),
    (manifest(app={"isolators": [{"name": "resource/memory",
                                  "value": {"limit": "99999999999T"}}]}), "quantity"),
    (manifest(app={"isolators": [{"name": "os/linux/capabilities-retain-set", "value": {}}]}),
     "set"),
    (manifest(app={"mountPoints": [{"name": "m", "path": "/m:suid,dev"}]}), "':'"),
    (manifest(app={"supplementaryGIDs": [1] * 90000}), "supplementary groups"),
    (manifest(app={"userLabels": {str(i): "" for i in range(90000)}}), "user labels"),
    (manifest(app={"isolators": [{"name": "os/unix/sysctl",
                                  "value": {f"net.{i}": "" for i in range(90000)}}]}), "settings"),
    (manifest(dependencies=[{"imageName": "A"}]), "dependency 0"),
    (manifest(dependencies=[{"imageName": "a", "imageID": "md5-0"}]), "imageID"),
    (manifest(pathWhitelist=["relative"]), "whitelisted"),
    (b'{"acKind":"ImageManifest","acKind":"x"}', "twice"),
]


def test_bad_manifests(work):
    for document, word in BAD_MANIFESTS:
        text = refused(work, document, d("rootfs"))
        assert word in text, (document, text)


BAD_MEMBERS = [
    ([f("rootfs", "x")], "no directory"), ([], "no rootfs"),
    ([d("rootfs"), f("extra", "x")], "extra"), ([d("rootfs"), d("rootfs2")], "rootfs2"),
    ([d("rootfs"), f("rootfs/../../etc/x", "x")], ".."),
    ([d("rootfs"), f("rootfs/a", "1"), f("rootfs/a", "2")], "twice"),
    ([d("rootfs"), f("rootfs/a", "1"), f("./rootfs//a", "2")], "twice"),
    ([d("rootfs"), f("manifest", "{}")], "manifest"),
    ([d("rootfs"), f("rootfs/.wh.a", "")], ".wh."),
    ([d("rootfs"), d("rootfs/.wh.d"), f("rootfs/.wh.d/x", "")], ".wh."),
    ([d("rootfs"), entry("rootfs/h", "h", link="manifest")], "below rootfs"),
    ([d("rootfs"), entry("rootfs/h", "h", link="/etc/passwd")], "below rootfs"),
    ([d("rootfs"), entry("rootfs/h", "h", link="rootfs/../../etc/passwd")], ".."),
    ([d("rootfs"), entry("rootfs/l", "l", link="/tmp"), f("rootfs/l/x", "")], "l"),
]


def test_bad_members(work):
    for members, word in BAD_MEMBERS:
        text = refused(work, manifest(), *members)
        assert word in text, (members, text)


def test_root_file_system_with_a_manifest(work):
    """a plain root file system that happens to have a file of that name stays one"""
    path = os.path.join(work, "plain.tar")
    plain = [(info, data) for info, data in busybox() if info.name != "rootfs"]
    for info, _ in plain:
        info.name = info.name[len("rootfs/"):]
    with open(path, "wb") as out:
        out.write(aci_files.layer(f("manifest", "not json"), *plain))
    assert good(path, "/bin/cat", "/manifest") == "not json"
    assert "nothing here" not in cli.run("load", "-i", path).err


def test_cut_and_damaged(work):
    """a cut archive, and one that is damaged in the middle: nothing is stored"""
    path, bad = os.path.join(work, "a.aci"), os.path.join(work, "bad.aci")
    app(path, ["/bin/true"], compress=gzip.compress)
    with open(path, "rb") as file:
        data = file.read()
    before = cli.good("images", "-q").out
    for part in (data[:1000], data[:len(data) // 2], data[:-5],
                 data[:5000] + b"\0" * 100 + data[5100:]):
        with open(bad, "wb") as file:
            file.write(part)
        text = cli.refused("load", "-i", "aci:" + bad)
        assert cli.good("images", "-q").out == before, text
    cli.good("fsck")


def test_from_standard_input(work):
    path = os.path.join(work, "a.aci")
    app(path, ["/bin/echo", "piped"])
    with open(path, "rb") as file:
        done = subprocess.run([cli.UCRCTL, "--root", cli.ROOT, "run", "--rm", "aci:-"],
                              stdin=file, capture_output=True, text=True, check=False)
    assert done.stdout == "piped\n", done


if __name__ == "__main__":
    if not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())
