#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Artifacts: pulled and loaded, kept as they came, shown, saved and collected, but never run."""
import json
import os
import random
import signal
import tarfile

import cli
from faults import leftovers
import image_files
from pulling import pull
import registry
from registry import Registry
import tap
from test_store import Store, steps

TYPE = "application/vnd.example.chart.v1+json"
EMPTY = "application/vnd.oci.empty.v1+json"
TITLE = "org.opencontainers.image.title"
HOSTILE = {TITLE: "../../../../tmp/ucr-hostile", "note": "\x1b]0;owned\x07"}
PARTS = [b"apiVersion: v2\n", random.Random(1).randbytes(300000)]


def without_none(made):
    return json.dumps({key: value for key, value in made.items() if value is not None}).encode()


def document(config=b"{}", config_type=EMPTY, parts=tuple(PARTS), **more):
    """An artifact's manifest; None leaves a member out."""
    made = {"schemaVersion": 2, "mediaType": registry.MANIFEST, "artifactType": TYPE,
            "config": registry.descriptor(config, config_type),
            "layers": [registry.descriptor(part, "application/x-part", annotations=HOSTILE)
                       for part in parts], **more}
    return without_none(made)


def edited(**more):
    """The same with members replaced; None takes one away."""
    return without_none({**json.loads(document()), **more})


def put(reg, tag="1", manifest=None, blobs=(b"{}", *PARTS)):
    for blob in blobs:
        reg.put_blob(blob)
    return registry.digest(reg.put_manifest("t/app", tag, manifest or document()))


def layout(work, name="layout", manifest=None, blobs=(b"{}", *PARTS), change=None):
    """A directory with an OCI layout of one artifact, named "made:1"."""
    files = image_files.Layout()
    for blob in blobs:
        files.blob(blob, "application/x-part")
    files.add(files.blob(manifest or document(), registry.MANIFEST, artifactType=TYPE), "made:1")
    if change:
        change(files)
    path = f"{work}/{name}"
    files.files["index.json"] = json.dumps(
        {"schemaVersion": 2, "manifests": files.manifests}).encode()
    for member, data in files.files.items():
        os.makedirs(os.path.dirname(f"{path}/{member}"), exist_ok=True)
        with open(f"{path}/{member}", "wb") as f:
            f.write(data)
    return path


def blobs_of(root):
    """{digest: content} of the store; each must be what its name says."""
    found = {}
    for name in os.listdir(f"{root}/images/blobs/sha256"):
        with open(f"{root}/images/blobs/sha256/{name}", "rb") as f:
            found["sha256:" + name] = f.read()
        assert registry.digest(found["sha256:" + name]) == "sha256:" + name
    return found


def whole(manifest=None, blobs=(b"{}", *PARTS)):
    return {registry.digest(data): data for data in (manifest or document(), *blobs)}


def refused(root, *args):
    said = cli.refused(*args, root=root)
    assert len(said.splitlines()) <= 2, said
    return said


# ---- stored ---------------------------------------------------------------------------------


def test_pull_and_show(work):
    """an artifact comes as it is, and is listed and inspected as what it is"""
    root = f"{work}/root"
    with Registry() as reg:
        digest = put(reg)
        name = f"{reg.host}/t/app:1"
        said = pull(work, name)
        assert said.lines == [f"Digest: {digest}", digest], said
        assert blobs_of(root) == whole()
        assert os.listdir(f"{root}/images/layers") == []
        reg.requests.clear()
        pull(work, name)
        assert len(reg.paths("/blobs/")) == 1, reg.requests
        cli.good("tag", name, "localhost/chart:2", root=root)
    listed = cli.good("images", root=root).lines
    assert listed[0].split() == "REPOSITORY TAG IMAGE ID CREATED SIZE ARTIFACT TYPE".split(), listed
    assert all(line.endswith(TYPE) for line in listed[1:]) and len(listed) == 3, listed
    rows = [json.loads(line) for line in cli.good("images", "--format", "json", root=root).lines]
    assert {row["ArtifactType"] for row in rows} == {TYPE}, rows
    assert rows[0]["Bytes"] == 2 + sum(map(len, PARTS)), rows
    (shown,) = json.loads(cli.good("inspect", name, root=root).out)
    assert shown["Id"] == shown["Digest"] == digest and shown["ArtifactType"] == TYPE, shown
    assert shown["Manifest"] == json.loads(document()), shown
    assert cli.good("inspect", "-f", "{{.ArtifactType}}", digest[7:20], root=root).lines == [TYPE]
    assert not os.path.exists("/tmp/ucr-hostile")


def test_by_digest_and_shared_config(work):
    """two artifacts with the same empty configuration are two; a shared blob comes once"""
    root = f"{work}/root"
    with Registry() as reg:
        one, two = put(reg, None), put(reg, None, document(parts=PARTS[1:]))
        pull(work, f"{reg.host}/t/app@{one}")
        reg.requests.clear()
        pull(work, f"{reg.host}/t/app@{two}")
        assert [p.split("/")[-1] for p in reg.paths("/blobs/")] == [registry.digest(b"{}")]
        ids = cli.good("images", "-q", "--no-trunc", root=root).lines
        assert sorted(ids) == sorted([one, two]), ids
        cli.good("rmi", f"{reg.host}/t/app@{one}", root=root)
        cli.good("gc", root=root)
        assert blobs_of(root) == whole(document(parts=PARTS[1:]), (b"{}", PARTS[1]))


def test_kinds(work):
    """by artifactType, by the configuration's type, without layers, with one twice, with subject"""
    root = f"{work}/root"
    subject = registry.descriptor(b"gone", registry.MANIFEST)
    for number, (manifest, kind) in enumerate((
            (document(artifactType=None, config=b"[1]", config_type="application/x-conf"),
             "application/x-conf"),
            (document(artifactType=None), EMPTY),
            (document(parts=[]), TYPE),
            (document(parts=[PARTS[0], PARTS[0]], subject=subject), TYPE),
            (document(config_type=registry.CONFIG), TYPE))):
        with Registry() as reg:
            digest = put(reg, manifest=manifest, blobs=(b"{}", b"[1]", *PARTS))
            pull(work, f"{reg.host}/t/app:1")
        shown = cli.good("inspect", "-f", "{{.ArtifactType}}", digest, root=root)
        assert shown.lines == [kind], (number, shown)
    cli.good("fsck", root=root)


def test_wordy(work):
    """media types and annotations of layers may be long, and there may be many layers"""
    part = registry.descriptor(PARTS[0], "x" * 70000, annotations={"a": "b" * 70000})
    for number, layers in enumerate(([part], [{**part, "mediaType": "y" * 1000, "annotations": {}}] * 127)):
        manifest = edited(layers=layers)
        with Registry() as reg:
            put(reg, manifest=manifest)
            pull(work, f"{reg.host}/t/app:1")
        cli.good("load", f"oci:{layout(work, f'wordy-{number}', manifest)}", root=f"{work}/loaded")
        assert blobs_of(f"{work}/loaded").items() >= whole(manifest, [PARTS[0]]).items()
    cli.good("fsck", root=f"{work}/root")


def test_index(work):
    """beside images artifacts are passed over; alone they are chosen where there is no doubt"""
    root = f"{work}/root"
    kind = {"artifactType": TYPE}
    with Registry() as reg:
        image = reg.put_image("t/app", None)
        put(reg, None)
        put(reg, None, document(parts=[]))
        first = registry.descriptor(document(), registry.MANIFEST, **kind)
        other = registry.descriptor(document(parts=[]), registry.MANIFEST, **kind)
        described = registry.descriptor(json.dumps(image).encode(), registry.MANIFEST)
        platform = {"platform": {"os": "linux", "architecture": "amd64"}}
        unknown = {"platform": {"os": "unknown", "architecture": "unknown"}}
        for number, (items, digest) in enumerate((
                ([first, {**described, **platform}], image["config"]["digest"]),
                ([first, described], image["config"]["digest"]),
                ([{**first, **unknown}, {**described, **platform}, {**other, **unknown}],
                 image["config"]["digest"]),
                ([first], first["digest"]), ([first, first], first["digest"]),
                ([other, {**first, **platform}], first["digest"]),
                ([first, other], None), ([first, other, first], None))):
            reg.put_manifest("t/app", "1", {"schemaVersion": 2, "mediaType": registry.INDEX,
                                            "manifests": items}, registry.INDEX)
            if digest:
                said = pull(work, "-q", f"{reg.host}/t/app:1")
                assert said.lines == [digest], (number, said)
            else:
                said = refused(root, "pull", "-q", f"{reg.host}/t/app:1")
                assert "is not clear" in said and other["digest"] in said, said


def test_load_and_save(work):
    """loaded from a layout and an archive of one, and saved as the same layout again"""
    root, path = f"{work}/root", layout(work)
    result = cli.good("load", f"oci:{path}", root=root)
    assert result.lines == ["Loaded image: made:1"], result
    assert blobs_of(root) == whole()
    cli.good("save", "--format", "oci", "-o", f"{work}/out", "made:1", root=root)
    saved = {f"sha256:{name}" for name in os.listdir(f"{work}/out/blobs/sha256")}
    assert saved == set(whole()), saved
    with open(f"{work}/out/index.json", encoding="ascii") as f:
        (entry,) = json.load(f)["manifests"]
    assert entry["digest"] == registry.digest(document()) and entry["artifactType"] == TYPE, entry
    cli.good("save", "--format", "oci-archive", "-o", f"{work}/out.tar", "made:1", root=root)
    with tarfile.open(f"{work}/out.tar") as tar:
        assert {f"sha256:{n.split('/')[2]}" for n in tar.getnames() if n.count("/") == 2} == saved
    other = f"{work}/other"
    cli.good("load", f"oci-archive:{work}/out.tar", root=other)
    assert blobs_of(other) == whole()
    said = refused(root, "save", "-o", f"{work}/docker.tar", "made:1")
    assert f"is an artifact ({TYPE})" in said and "--format oci" in said, said
    assert not os.path.exists(f"{work}/docker.tar")


def test_never_run(work):
    """run, --on and unpack refuse one that is stored, lies in a file, or is in a registry"""
    root, path = f"{work}/root", layout(work)
    words = f"is an artifact ({TYPE}), not an image to run"
    for reference in (f"oci:{path}", path):
        assert words in refused(root, "run", "--rm", reference, "true")
    assert leftovers(work) == []
    with Registry() as reg:
        put(reg)
        name = f"{reg.host}/t/app:1"
        assert words in refused(root, "run", "--rm", name, "true")
        assert words in refused(root, "run", "--rm", "--pull", "always", name, "true")
        assert leftovers(work) == []
        layers = [registry.digest(part) for part in PARTS]
        assert not [p for p in reg.paths() if p.split("/")[-1] in layers], reg.requests
        pull(work, name)
        cli.good("load", f"oci:{path}", root=root)
        with open(f"{work}/x.jar", "wb") as f:
            f.write(b"PK")
        for args in (["run", "--rm", name, "true"], ["run", "-d", "made:1"],
                     ["run", "--rm", f"oci:{path}", "true"],
                     ["run", "--rm", "--on", name, f"jar:{work}/x.jar"],
                     ["run", "--rm", "--dry-run", name], ["unpack", name, f"{work}/out"]):
            assert words in refused(root, *args), args
    assert not os.path.exists(f"{work}/out")
    assert cli.good("ps", "-aq", root=root).lines == []


# ---- kept -----------------------------------------------------------------------------------


def test_collected(work):
    """its blobs stay as long as it has a name, and go with it"""
    root = f"{work}/root"
    cli.good("load", f"oci:{layout(work)}", root=root)
    cli.good("gc", "-a", root=root)
    assert blobs_of(root) == whole()
    cli.good("tag", "made:1", "other:1", root=root)
    cli.good("rmi", "made:1", root=root)
    cli.good("gc", "-a", root=root)
    assert blobs_of(root) == whole()
    cli.good("rmi", "other:1", root=root)
    freed = cli.good("gc", root=root).out
    assert "4 blobs" in freed and " 0B freed" not in freed, freed
    assert blobs_of(root) == {} and cli.good("images", "-q", root=root).lines == []


def test_budget(work):
    """a layer that an image and an artifact share does not go by itself"""
    root = f"{work}/root"
    with Registry() as reg:
        manifest = reg.put_image("t/image", "1", [image_files.layer(
            image_files.f("noise", random.Random(2).randbytes(1 << 20)))])
        shared = reg.blobs[manifest["layers"][0]["digest"]]
        put(reg, manifest=document(parts=[shared]))
        pull(work, f"{reg.host}/t/image:1")
        pull(work, f"{reg.host}/t/app:1")
    # The image is the one that was used least recently, and then there is room enough.
    os.utime(f"{root}/images/images/{manifest['config']['digest'][7:]}.json", (1, 1))
    cli.good("gc", "--budget", "1500k", "--low", "1400k", root=root)
    cli.good("fsck", root=root)
    assert registry.digest(shared) in blobs_of(root)


def rot(root, data):
    with open(f"{root}/images/blobs/sha256/{registry.digest(data)[7:]}", "r+b") as f:
        f.write(b"rot")


def test_fsck(work):
    """damage is found, and repaired by pulling again"""
    root = f"{work}/root"
    with Registry() as reg:
        put(reg)
        name = f"{reg.host}/t/app:1"
        for data in (b"{}", PARTS[1], document()):
            pull(work, name)
            cli.good("fsck", root=root)
            rot(root, data)
            result = cli.run("fsck", root=root)
            assert result.status == 125 and "is damaged" in result.out, result
            if data != document():
                assert "has lost a blob" in result.out, result
                fixed = cli.run("fsck", "--repair", root=root)
                assert fixed.status == 0 and "pulled again" in fixed.out, fixed
            pull(work, name)
            assert cli.good("fsck", root=root).lines[0].startswith("Checked 1 images")
            assert blobs_of(root).items() >= whole().items()


def test_rootless(work):
    """a normal user's artifacts are that user's, loaded and pulled"""
    if os.geteuid() != 0 or not cli.have("newuidmap"):
        raise tap.Skip("needs root and newuidmap")
    store, path = Store(work, cli.rootless_prefix(work)), layout(work)
    os.mkdir(store.root, 0o700)
    os.chown(store.root, 12345, 12345)
    store.ok("load", f"oci:{path}")
    assert blobs_of(store.root) == whole()
    assert {os.stat(f"{store.path}/blobs/sha256/{name}").st_uid
            for name in store.entries("blobs/sha256")} == {12345}
    with Registry() as reg:
        put(reg, manifest=document(parts=[]))
        store.ok("pull", f"{reg.host}/t/app:1")
    store.ok("fsck")
    assert len(store.images()) == 2 and not store.entries("tmp")


# ---- hostile --------------------------------------------------------------------------------


def bad_manifests():
    config = registry.descriptor(b"{}", EMPTY)
    part = registry.descriptor(PARTS[0], "application/x-part")
    return (
        (edited(artifactType="a" * 5000), "longer than the 255 characters"),
        (edited(artifactType=""), "does not say of which type"),
        (edited(artifactType=7), "artifactType"),
        (edited(config=None), "without a configuration"),
        (edited(config={**config, "size": 5 << 20}), "the limit is"),
        (edited(config={**config, "size": 3}), "3"),
        (edited(config={**config, "digest": "sha256:../../etc/passwd"}), "digest"),
        (edited(layers=[{**part, "digest": "sha512:" + "a" * 128}]), "only sha256"),
        (edited(layers=[{**part, "digest": "sha256:../../etc/passwd"}]), "digest"),
        (edited(layers=[{**part, "size": -1}]), "size"),
        (edited(layers=[{**part, "size": 1 << 64}]), "size"),
        (edited(layers=[part, {**part, "size": 4}]), "4"),
        (edited(layers=[part] * 128), "more than"),
        (edited(layers=[part] * 1001), "more than 1000 descriptors"),
        (document()[:-1] + b',"config":{}}', "twice"),
    )


def test_bad_manifests(work):
    """manifests that lie, are too large or say nothing are refused, and nothing is stored"""
    root = f"{work}/root"
    for number, (manifest, word) in enumerate(bad_manifests()):
        with Registry() as reg:
            put(reg, manifest=manifest)
            said = refused(root, "pull", "-q", f"{reg.host}/t/app:1")
            assert word in said, (number, said)
        said = refused(root, "load", "-q", f"oci:{layout(work, f'bad-{number}', manifest)}")
        assert word in said or "descriptor" in said or "digest" in said, (number, said)
        assert leftovers(work) == [], (number, leftovers(work))


def test_bad_blobs(work):
    """a blob that is wrong, cut, too long or missing is refused, and nothing is stored"""
    root, key = f"{work}/root", registry.digest(PARTS[1])
    for number, body in enumerate((PARTS[1][:-1] + b"x", PARTS[1][:-1], PARTS[1] + b"x", None)):
        def spoil(files, body=body):
            member = "blobs/sha256/" + key[7:]
            files.pop(member) if body is None else files.update({member: body})

        with Registry() as reg:
            put(reg)
            reg.blobs[key] = body
            if body is None:
                del reg.blobs[key]
            refused(root, "pull", "-q", f"{reg.host}/t/app:1")
        path = layout(work, f"bad-{number}", change=lambda made: spoil(made.files))
        assert "layer 1" in refused(root, "load", "-q", f"oci:{path}"), number
        assert leftovers(work) == [], (number, leftovers(work))


def test_control_characters(work):
    """a type with an escape sequence never reaches the terminal as it is"""
    root = f"{work}/root"
    with Registry() as reg:
        put(reg, manifest=document(artifactType="x/\x1b[31mred\u202e"))
        name = f"{reg.host}/t/app:1"
        pull(work, name)
        for args in (["images"], ["images", "--format", "{{.ArtifactType}}"]):
            assert "\x1b" not in cli.good(*args, root=root).out
        assert "\x1b" not in cli.good("inspect", name, root=root).out
        assert "\x1b" not in refused(root, "run", name)
        assert "\x1b" not in refused(root, "save", "-o", f"{work}/x.tar", name)


def test_both_at_once(work):
    """a document that is an artifact's manifest and an image's configuration is only one of them"""
    tar = image_files.layer(image_files.f("a", "a"))
    both = json.dumps({**json.loads(document()), "os": "linux", "architecture": "amd64",
                       "rootfs": {"type": "layers", "diff_ids": [registry.digest(tar)]}}).encode()
    with Registry() as reg:
        put(reg, manifest=both)
        blob, config = reg.put_blob(tar), reg.put_blob(both)
        reg.put_manifest("t/app", "image", {
            "schemaVersion": 2, "config": registry.descriptor(config, registry.CONFIG),
            "layers": [registry.descriptor(blob, registry.LAYER)]})
        pull(work, f"{reg.host}/t/app:1")
        said = refused(f"{work}/root", "pull", "-q", f"{reg.host}/t/app:image")
        assert "is an artifact in the store already" in said, said
        cli.good("fsck", root=f"{work}/root")


# ---- interrupted ----------------------------------------------------------------------------


def kill_at_each_step(work, command):
    """A kill between two steps leaves nothing half; the same command then succeeds."""
    tap.need_fail_points()
    for step in steps():
        if not step.startswith(("import-", "layers-", "store-file", "image-", "source-")):
            continue
        for passage in range(1, 10):
            at = f"{work}/{step}-{passage}"
            os.makedirs(f"{at}/root", mode=0o700)
            store = Store(at)
            status, _, err = store.run(*command, fail=f"{step}:{passage}:kill")
            if status == 0:
                break
            assert status == -signal.SIGKILL, (step, passage, err)
            for found in store.images():
                assert blobs_of(store.root).items() >= whole().items(), (step, passage, found)
            store.ok("fsck")
            store.ok(*command)
            store.ok("gc")
            store.ok("fsck")
            assert blobs_of(store.root) == whole(), (step, passage)
            assert not [n for n in store.entries("tmp") if not n.startswith("part-")]


def test_kill_while_loading(work):
    """kill -9 at each step of a load"""
    kill_at_each_step(work, ["load", f"oci:{layout(work)}"])


def test_kill_while_pulling(work):
    """kill -9 at each step of a pull"""
    with Registry() as reg:
        put(reg)
        kill_at_each_step(work, ["pull", f"{reg.host}/t/app:1"])


if __name__ == "__main__":
    tap.main(globals())
