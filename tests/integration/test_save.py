#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl save: what is written is what was pulled or loaded, and other tools read it."""
import gzip
import io
import json
import os
import subprocess
import tarfile

import cli
from image_files import d, entry, f, layer
import registry
from registry import Registry, digest
import tap
from tap import Skip
from pulling import ENV


def ucrctl(work, *args, root="root", **kw):
    result = cli.run(*args, root=f"{work}/{root}", env=ENV, **kw)
    assert result.status == 0, result
    return result


def members(archive):
    """name -> bytes of a saved archive."""
    with tarfile.open(archive) as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}


def saved_layer(work, tar, n=0):
    """A root file system loaded and saved again: the layer's bytes."""
    source = f"{work}/in-{n}.tar"
    with open(source, "wb") as out:
        out.write(tar)
    image = ucrctl(work, "load", "-q", "-i", "tar:" + source).out.split()[-1]
    ucrctl(work, "save", "-o", f"{work}/out.tar", image)
    files = members(f"{work}/out.tar")
    shown = json.loads(files["manifest.json"])[0]
    assert digest(files[shown["Config"]]) == image
    return files[shown["Layers"][0]]


def gnu_sparse(work):
    path = f"{work}/sparse"
    with open(path, "wb") as out:
        out.write(b"a" * 5000)
        out.seek(1 << 20)
        out.write(b"b" * 70000)
    for form in (["--format=gnu"], ["--format=posix", "--sparse-version=1.0"],
                 ["--format=posix", "--sparse-version=0.1"]):
        yield subprocess.run(["tar", "-C", work, "--sparse", *form, "-cf", "-", "sparse"],
                             check=True, capture_output=True).stdout


def test_same_bytes(work):
    """the very same tar comes out, whatever is in it"""
    noise = os.urandom(300000)
    plain = layer(d("dir"), f("dir/a", noise), f("b", noise[:511]), f("c", noise[:512]),
                  f("empty"), entry("l", "l", link="dir/a"), entry("hard", "h", link="dir/a"),
                  entry("p", "p"), f("long" * 60, "x"), f("é", "y", pax={
                      "SCHILY.xattr.user.k": "v", "mtime": "-1.5"}))
    tars = [plain, layer(), plain + b"\0" * 20480, plain[:-1024],
            layer(f("a", noise), f("a", noise[::-1]), f("b", "b")),  # the last wins
            layer(d("x"), f("x/y", noise), f("x", "a file now")),
            layer(f("big", noise * 40), form=tarfile.GNU_FORMAT),
            layer(f("global"), headers={"comment": "a global header"}), *gnu_sparse(work)]
    for n, tar in enumerate(tars):
        assert saved_layer(work, tar, n) == tar, n


def test_compressed_archives(work):
    """layers come out uncompressed, with the digests that the configuration lists"""
    tar = layer(d("etc"), d("usr"), f("etc/x", os.urandom(100000)))
    assert saved_layer(work, gzip.compress(tar)) == tar


def test_pulled(work):
    """a pulled image is saved as it was pulled, and is the same image when it is loaded"""
    with Registry() as reg:
        manifest = reg.put_image(layers=[layer(f("a", "1")), layer(f("b", os.urandom(90000)))])
        name = f"{reg.host}/t/app:1"
        ucrctl(work, "pull", "-q", name)
        reg.put_image("t/docker", "1")
        text = reg.manifests["t/docker", "1"][0].replace(
            b"oci.image.manifest.v1", b"docker.distribution.manifest.v2")
        reg.put_manifest("t/docker", "1", text,
                         "application/vnd.docker.distribution.manifest.v2+json")
        other = f"{reg.host}/t/docker:1"
        ucrctl(work, "pull", "-q", other)
        ucrctl(work, "save", "-o", f"{work}/out.tar", name, other)
        files = members(f"{work}/out.tar")
        for item in manifest["layers"] + [manifest["config"]]:
            assert digest(files["blobs/sha256/" + item["digest"][7:]]) == item["digest"]
        index = json.loads(files["index.json"])["manifests"]
        assert index[0]["digest"] == digest(json.dumps(manifest).encode())
        assert index[0]["annotations"] == {"io.containerd.image.name": name,
                                           "org.opencontainers.image.ref.name": "1"}
        assert index[1]["mediaType"].startswith("application/vnd.docker."), index
        for prefix in ("docker-archive:", "oci-archive:"):
            for wanted in (name, other):
                again = ucrctl(work, "load", "-q", "-i", f"{prefix}{work}/out.tar:{wanted}",
                               root="second")
                assert wanted in again.out, again
        shown = [ucrctl(work, "images", "-q", "--no-trunc", root=root).lines
                 for root in ("root", "second")]
        assert sorted(shown[0]) == sorted(shown[1]), shown


def test_mixed(work):
    """layers of which some came by an archive, without their blobs, and some from a registry"""
    base, top = layer(d("etc"), d("usr"), f("etc/x", "x" * 5000)), layer(f("b", os.urandom(9000)))
    with open(f"{work}/in.tar", "wb") as out:
        out.write(base)
    ucrctl(work, "load", "-q", "-i", f"tar:{work}/in.tar")
    with Registry() as reg:
        manifest = reg.put_image(layers=[base, top])
        name = f"{reg.host}/t/app:1"
        ucrctl(work, "pull", "-q", name)
        assert not reg.paths(manifest["layers"][0]["digest"])
    ucrctl(work, "save", "-o", f"{work}/out.tar", name)
    files = members(f"{work}/out.tar")
    layers = json.loads(files["manifest.json"])[0]["Layers"]
    assert files[layers[0]] == base and gzip.decompress(files[layers[1]]) == top
    ucrctl(work, "load", "-q", "-i", f"oci-archive:{work}/out.tar", root="second")
    assert ucrctl(work, "images", "-q", "--no-trunc", root="second").lines == [
        manifest["config"]["digest"]]


def test_directory(work):
    """an OCI layout as a directory, which umoci unpacks; an existing one is not touched"""
    tar = layer(d("etc"), d("usr"), f("etc/x", "x"))
    with open(f"{work}/in.tar", "wb") as out:
        out.write(tar)
    image = ucrctl(work, "load", "-q", "-i", f"tar:{work}/in.tar").out.split()[-1]
    ucrctl(work, "tag", image, "localhost/app:1.0")
    ucrctl(work, "save", "--format", "oci", "-o", f"{work}/layout", "localhost/app:1.0")
    assert sorted(os.listdir(f"{work}/layout")) == ["blobs", "index.json", "oci-layout"]
    again = cli.run("save", "--format", "oci", "-o", f"{work}/layout", image, root=f"{work}/root")
    assert again.status == 125 and "exists already" in again.err, again
    if not cli.have("umoci"):
        raise Skip("umoci is not installed")
    subprocess.run(["umoci", "raw", "unpack", "--image", f"{work}/layout:1.0", f"{work}/umoci"],
                   check=True, capture_output=True)
    with open(f"{work}/umoci/etc/x", encoding="ascii") as got:
        assert got.read() == "x"


def test_other_tools(work):
    """skopeo reads both sides of the archive"""
    if not cli.have("skopeo"):
        raise Skip("skopeo is not installed")
    tar = layer(d("etc"), d("usr"), f("etc/x", os.urandom(10000)))
    with open(f"{work}/in.tar", "wb") as out:
        out.write(tar)
    image = ucrctl(work, "load", "-q", "-i", f"tar:{work}/in.tar").out.split()[-1]
    ucrctl(work, "tag", image, "localhost/app:1.0")
    ucrctl(work, "save", "-o", f"{work}/out.tar", "localhost/app:1.0")
    for source in (f"docker-archive:{work}/out.tar:localhost/app:1.0",
                   f"oci-archive:{work}/out.tar:1.0"):
        shown = json.loads(subprocess.run(["skopeo", "inspect", "--raw", source], check=True,
                                          capture_output=True).stdout)
        assert shown["config"]["digest"] == image, (source, shown)
        subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", source,
                        f"dir:{work}/copy"], check=True)


def test_standard_output(work):
    """to a pipe, and into load"""
    with open(f"{work}/in.tar", "wb") as out:
        out.write(layer(d("etc"), d("usr"), f("etc/x", "x")))
    image = ucrctl(work, "load", "-q", "-i", f"tar:{work}/in.tar").out.split()[-1]
    saved = subprocess.run([cli.UCRCTL, "--root", f"{work}/root", "save", image], check=True,
                           capture_output=True).stdout
    assert "manifest.json" in tarfile.open(fileobj=io.BytesIO(saved)).getnames()
    loaded = subprocess.run([cli.UCRCTL, "--root", f"{work}/second", "load", "-q"], input=saved,
                            check=True, capture_output=True).stdout
    assert image.encode() in loaded


def test_damage(work):
    """a layer or blob that was changed in the store is not passed on; no file is left"""
    with open(f"{work}/in.tar", "wb") as out:
        out.write(layer(d("etc"), d("usr"), f("etc/x", "original")))
    image = ucrctl(work, "load", "-q", "-i", f"tar:{work}/in.tar").out.split()[-1]
    store = f"{work}/root/images"
    (chain,) = os.listdir(f"{store}/layers")
    victim = f"{store}/layers/{chain}/fs/etc/x"

    def refused(*words):
        result = cli.run("save", "-o", f"{work}/out.tar", image, root=f"{work}/root")
        assert result.status == 125 and len(result.err.splitlines()) <= 2, result
        assert all(word in result.err for word in words), result
        assert sorted(n for n in os.listdir(work) if "out" in n) == []

    with open(victim, "w", encoding="ascii") as out:
        out.write("tampered")
    refused("layer 0", "was changed since it was unpacked")
    os.truncate(victim, 3)
    refused("etc/x of the layer is shorter")
    os.unlink(victim)
    os.symlink("/etc/passwd", victim)
    refused("etc/x of the layer")
    os.unlink(victim)
    refused("etc/x of the layer")
    with open(f"{store}/layers/{chain}/tar", "r+b") as recipe:
        recipe.seek(30)
        recipe.write(b"\xff\xff\xff\xff")
    refused("layer 0")
    os.unlink(f"{store}/layers/{chain}/tar")
    refused("how to write it again is not known")


def test_full_disk(work):
    """a device that is full is told of"""
    with open(f"{work}/in.tar", "wb") as out:
        out.write(layer(d("etc"), d("usr"), f("etc/x", os.urandom(100000))))
    image = ucrctl(work, "load", "-q", "-i", f"tar:{work}/in.tar").out.split()[-1]
    with open("/dev/full", "wb") as full:
        result = cli.run("save", image, root=f"{work}/root", stdout=full)
    assert result.status == 125 and "No space left" in result.err, result


def test_unknown(work):
    """an image that is not there"""
    result = cli.run("save", "-o", f"{work}/x.tar", "none", root=f"{work}/root")
    assert result.status == 125 and 'there is no image "none"' in result.err, result
    assert os.listdir(work) == ["root"] and registry


if __name__ == "__main__":
    tap.main(globals())
