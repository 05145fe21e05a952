#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl pull and load against a registry of the test's own."""
import contextlib
import json
import os
import subprocess
import time

import cli
import image_files
from pulling import ENV, pull, refused, images, big_layer
import registry
from registry import Registry
import tap


def test_pull(work):
    """an image comes once; later only the manifest and the configuration are asked for"""
    with Registry() as reg:
        manifest = reg.put_image()
        name = f"{reg.host}/t/app:1"
        first = pull(work, name)
        assert first.lines == ["Digest: " + registry.digest(json.dumps(manifest).encode()),
                               manifest["config"]["digest"]], first
        assert images(work) == [manifest["config"]["digest"][7:19]]
        assert len(reg.paths("/blobs/")) == 2, reg.requests
        assert "layer 1/1: pull" in first.err and "layer 1/1: unpack" in first.err, first
        reg.requests.clear()
        pull(work, name)
        assert [p.split("/")[4] for p in reg.paths("/v2/")] == ["manifests", "blobs"], reg.requests


def test_shared_layers(work):
    """a layer that another image brought is not downloaded again, nor one that is there twice"""
    base = image_files.layer(image_files.f("base", "base"))
    with Registry() as reg:
        reg.put_image(layers=[base])
        pull(work, f"{reg.host}/t/app:1")
        reg.requests.clear()
        top = big_layer(1 << 16)
        manifest = reg.put_image("t/other", "1", [base, top, top])
        pull(work, f"{reg.host}/t/other:1")
        asked = [p.split("/")[-1] for p in reg.paths("/blobs/")]
        assert sorted(asked) == sorted([manifest["config"]["digest"],
                                        manifest["layers"][1]["digest"]]), asked


def test_moved_tag(work):
    """a tag that moved is followed by pull, and by run only with --pull always"""
    with Registry() as reg:
        old = reg.put_image()["config"]["digest"][7:19]
        name = f"{reg.host}/t/app:1"
        pull(work, name)
        new = reg.put_image(config={"author": "somebody else"})["config"]["digest"][7:19]
        show = ["inspect", "-f", "{{.Id}}", name]
        assert old in cli.good(*show, root=f"{work}/root").out
        pull(work, name)
        assert new in cli.good(*show, root=f"{work}/root").out
        assert set(images(work)) == {old, new}


def test_by_digest(work):
    """a digest is pulled, found again without the registry, and a wrong manifest is refused"""
    with Registry() as reg:
        manifest = reg.put_image()
        digest = registry.digest(json.dumps(manifest).encode())
        pull(work, f"{reg.host}/t/app:1@{digest}")
        reg.requests.clear()
        cli.good("inspect", f"{reg.host}/t/app@{digest}", root=f"{work}/root")
        assert not reg.requests
        pull(work, f"{reg.host}/t/app:1")
        cli.good("rmi", f"{reg.host}/t/app@{digest}", root=f"{work}/root")
        cli.good("inspect", f"{reg.host}/t/app:1", root=f"{work}/root")
        other = "sha256:" + "1" * 64
        reg.manifests["t/app", other] = reg.manifests["t/app", digest]
        result = pull(work, f"{reg.host}/t/app@{other}", status=125)
        assert f"its digest is wrong: expected {other}, got {digest}" in result.err, result


def test_index(work):
    """the platform's manifest is chosen; attestations are passed over; nested indexes are bounded"""
    with Registry() as reg:
        items = []
        for architecture, variant in (("arm", "v7"), ("arm", "v6"), ("amd64", None)):
            manifest = reg.put_image("t/app", None, config={
                "architecture": architecture, **({"variant": variant} if variant else {})})
            body = json.dumps(manifest).encode()
            items.append(registry.descriptor(body, registry.MANIFEST, platform={
                "os": "linux", "architecture": architecture,
                **({"variant": variant} if variant else {})}))
        items.insert(0, {**items[2], "digest": "sha256:" + "2" * 64, "annotations": {
            "vnd.docker.reference.type": "attestation-manifest"}})
        body = reg.put_manifest("t/app", "1", {"schemaVersion": 2, "mediaType": registry.INDEX,
                                               "manifests": items}, registry.INDEX)
        name = f"{reg.host}/t/app:1"
        assert items[3]["digest"] in pull(work, name).out
        assert items[2]["digest"] in pull(work, name, "--platform", "linux/arm/v6").out
        assert items[1]["digest"] in pull(work, name, "--platform", "arm").out
        assert "there is no image for linux/s390x" in pull(
            work, name, "--platform", "s390x", status=125).err
        reg.manifests.update({("t/deep", reference): manifest for (_, reference), manifest
                              in reg.manifests.items()})
        for depth in range(6):
            body = reg.put_manifest("t/deep", str(depth), {
                "schemaVersion": 2, "manifests": [registry.descriptor(body, registry.INDEX)]},
                registry.INDEX)
        pull(work, f"{reg.host}/t/deep:1")
        assert "nested more than" in pull(work, f"{reg.host}/t/deep:5", status=125).err


def test_run(work):
    """run pulls what is missing, and the container runs"""
    busybox = open("/bin/busybox", "rb").read()
    tar = image_files.layer(image_files.d("bin"), image_files.f("bin/busybox", busybox, mode=0o755),
                            image_files.entry("bin/sh", "l", link="busybox"))
    with Registry() as reg:
        reg.put_image(layers=[tar])
        for _ in range(2):
            result = cli.run("run", "--rm", f"{reg.host}/t/app:1", "/bin/sh", "-c", "exit 7",
                             root=f"{work}/root", env=ENV)
            assert result.status == 7, result
        assert len(reg.paths("/manifests/")) == 1


def test_mistyped(work):
    """a name that is nowhere may have been meant for a file: both are told"""
    with Registry() as reg:
        result = cli.run("run", f"{reg.host}/image.tra", "x", root=f"{work}/root", env=ENV)
        assert result.status == 125, result
        assert "no file and no stored image is called so, and it cannot be pulled" in result.err
        assert "status 404" in result.err, result


def test_never(work):
    """--pull never asks nobody; names of this host are never asked for"""
    with Registry() as reg:
        reg.put_image()
        result = cli.run("run", "--pull", "never", f"{reg.host}/t/app:1", "x", root=f"{work}/root",
                         env=ENV)
        assert result.status == 125 and "no stored image" in result.err, result
        assert not reg.requests
    assert "no stored image" in refused(work, "localhost/app")


def test_all_tags(work):
    """every tag of a repository, which come page by page"""
    with Registry() as reg:
        ids = [reg.put_image(tag=tag, config={"author": tag})["config"]["digest"]
               for tag in ("1", "1.2", "a", "b", "latest")]
        reg.password = "me:pw"
        done = pull(work, "-q", "--all-tags", f"{reg.host}/t/app", "--creds", "me:pw")
        assert done.lines == ids, done
        assert len(reg.paths("/tags/list")) == 4, reg.paths()  # one is refused for its login
        os.makedirs(f"{work}/{reg.host}/t")
        with open(f"{work}/{reg.host}/t/app:1", "wb") as file:
            file.write(b"a file is no tag")
        with contextlib.chdir(work):
            done = pull(work, "-q", "--all-tags", f"{reg.host}/t/app", "--creds", "me:pw")
        assert done.lines == ids, done
        assert "without a tag" in pull(work, "-a", f"{reg.host}/t/app:1", status=125).err
        reg.password = None
        assert "has no tags" in pull(work, "-a", f"{reg.host}/t/none", status=125).err

        def forever(handler, path):
            if not path.endswith("/tags/list"):
                return False
            handler.answer(200, b'{"tags":["1"]}', headers={
                "Link": '<http://169.254.169.254/v2/t/app/tags/list?x>; rel="next"'})
            return True
        reg.fault = forever
        assert "more than 100 pages" in pull(work, "-a", f"{reg.host}/t/app", status=125).err
        reg.fault = lambda handler, path: path.endswith("/tags/list") and (handler.answer(
            200, b'{"tags":["../../x"]}'), True)[1]
        assert pull(work, "-a", f"{reg.host}/t/app", status=125).err


def test_newer(work):
    """run --pull newer follows a tag that moved, and runs what is stored when that cannot be"""
    def started():
        done = cli.run("run", "--rm", "--pull", "newer", f"{reg.host}/t/app:1", "/none",
                       root=f"{work}/root", env=ENV)
        assert done.status == 127, done
        return done.err

    with Registry() as reg:
        reg.put_image()
        assert "the stored image is used" not in started()
        new = reg.put_image(config={"author": "somebody else"})["config"]["digest"][7:19]
        started()
        assert new in images(work)
        reg.fault = lambda handler, _path: (handler.error(404, "X", "gone"), True)[1]
        said = started()
        assert "the stored image is used" in said and "404" in said, said
        other = cli.run("run", "--rm", "--pull", "newer", f"{reg.host}/t/other:1", "/none",
                        root=f"{work}/root", env=ENV)
        assert other.status == 125 and "404" in other.err, other


def test_mirrors(work):
    """mirrors are tried in their order; one that has it not, or is gone, is passed over"""
    with Registry() as reg, Registry() as empty, Registry() as mirror:
        reg.put_image()
        mirror.put_image()
        config = f"{work}/registries.json"
        with open(config, "w", encoding="ascii") as f:
            json.dump({"registries": {reg.host: {"mirrors": [
                "http://127.0.0.1:1", empty.url, mirror.url]}}}, f)
        pull(work, f"{reg.host}/t/app:1", "--registries", config)
        assert not reg.requests and len(mirror.paths("/blobs/")) == 2, reg.requests
        assert mirror.paths("/manifests/") == [f"/v2/t/app/manifests/1?ns={reg.host}"]
        mirror.blobs.clear()
        cli.good("rmi", f"{reg.host}/t/app:1", root=f"{work}/root")
        cli.good("gc", root=f"{work}/root")
        pull(work, f"{reg.host}/t/app:1", "--registries", config)
        assert len(reg.paths("/blobs/")) == 2


def test_url(work):
    """an archive is loaded from its URL, and cut downloads are refused"""
    tar = image_files.layer(image_files.d("etc"), image_files.d("usr"), image_files.f("etc/x", "x"))
    with Registry() as reg:
        reg.files["/root.tar"] = tar
        result = cli.run("load", reg.url + "/root.tar", root=f"{work}/root", env=ENV)
        assert result.status == 0 and "Loaded image ID" in result.out, result
        missing = cli.run("load", reg.url + "/none.tar", root=f"{work}/root", env=ENV)
        assert missing.status == 125 and "it is not there (status 404" in missing.err, missing


def test_progress(work):
    """JSON lines say how far each layer is"""
    with Registry() as reg:
        reg.put_image(layers=[big_layer(1 << 18), big_layer(1 << 19)])
        result = pull(work, "--progress", "json", f"{reg.host}/t/app:1")
        rows = [json.loads(line) for line in result.err.splitlines()]
        assert {row["layer"] for row in rows if row["what"] == "pull"} == {1, 2}, rows
        ends = [row for row in rows if row["what"] == "pull" and row["done"] == row["total"]]
        assert len(ends) == 2 and all(row["layers"] == 2 for row in ends), rows
        assert pull(work, "--progress", "none", f"{reg.host}/t/app:1").err == ""


def test_rate(work):
    """the rate is that of the whole pull, whether one layer comes or several"""
    with Registry() as reg:
        with open(f"{work}/registries.json", "w", encoding="ascii") as f:
            json.dump({"rate": "1m"}, f)
        took = []
        for tag, sizes in (("1", [2 << 20]), ("2", [1 << 20, (1 << 20) + 1])):
            reg.put_image(tag=tag, layers=[big_layer(size) for size in sizes])
            began = time.time()
            pull(work, f"{reg.host}/t/app:{tag}", "--registries", f"{work}/registries.json")
            took.append(time.time() - began)
        assert min(took) > 1.5, took
        # A layer by itself is no slower than two together, however busy this machine is.
        assert took[0] < 2 * took[1] + 1, took


def in_etc(work, **files):
    """A command in front of which these files stand in /etc."""
    if os.geteuid() != 0:
        raise tap.Skip("only root may mount")
    mounts = ""
    for name, text in files.items():
        with open(f"{work}/{name}", "w", encoding="ascii") as f:
            f.write(text)
        mounts += f"mount --bind {work}/{name} /etc/{name}; "
    os.chmod(work, 0o755)
    return ["unshare", "-m", "sh", "-ec", mounts + 'exec "$@"', "sh", cli.UCRCTL]


def test_user(work):
    """root's downloads are made by the user ucr, by nobody where there is none"""
    for passwd, ids in (("root:x:0:0::/:\nucr:x:4711:4712::/:\n", [4711, 4712]),
                        ("root:x:0:0::/:\n", [65534, 65534])):
        seen = []

        def look(_handler, _path, seen=seen):
            with open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii") as f:
                for child in f.read().split():
                    with open(f"/proc/{child}/status", encoding="ascii") as status:
                        seen.append([int(line.split()[2]) for line in status
                                     if line.startswith(("Uid:", "Gid:"))])

        with Registry() as reg:
            reg.put_image()
            reg.fault = look
            with subprocess.Popen(
                    [*in_etc(work, passwd=passwd), "--root", f"{work}/root", "pull",
                     f"{reg.host}/t/app:1"], env={**os.environ, **ENV},
                    stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
                said = process.communicate(timeout=60)[1]
        assert process.returncode == 0, said
        assert ids in seen, seen


def test_hosts(work):
    """the name of a registry is looked up in the host's files, by what the filter leaves"""
    with Registry() as reg:
        reg.put_image()
        command = in_etc(work, hosts="127.0.0.1 registry.test\n")
        name = f"registry.test:{reg.host.split(':')[1]}"
        with open(f"{work}/registries.json", "w", encoding="ascii") as f:
            json.dump({"registries": {name: {"insecure": True}}}, f)
        done = subprocess.run(
            [*command, "--root", f"{work}/root", "pull", "--registries",
             f"{work}/registries.json", f"{name}/t/app:1"], env={**os.environ, **ENV},
            capture_output=True, timeout=60, check=False)
        assert done.returncode == 0, done


def test_warnings(work):
    """what the registry warns of is shown"""
    def warn(handler, path):
        if "/manifests/" not in path:
            return False
        body, kind = handler.server.registry.manifests["t/app", "1"]
        handler.answer(200, body, kind, {"Warning": '299 - "this goes away in May"'})
        return True

    with Registry() as reg:
        reg.put_image()
        reg.fault = warn
        assert "the registry says: this goes away in May" in pull(
            work, f"{reg.host}/t/app:1").err


if __name__ == "__main__":
    tap.main(globals())
