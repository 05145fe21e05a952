#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl referrers: by the registry's own list, by the tag that stands for it, and from registries
that lie."""
import http.client
import json
import time

import cli
from pulling import ENV, pull
import registry
from registry import Registry
import tap
from test_artifacts import EMPTY, document
from test_registry import DockerRegistry

SIGNATURE, PARTS_LIST = "application/vnd.example.signature", "application/vnd.example.sbom+json"
ANNOTATIONS = {"org.example.by": "me", "terminal": "\x1b]0;owned\x07"}


def referrers(work, *args, status=0):
    result = cli.run("referrers", *args, root=f"{work}/root", env=ENV)
    assert result.status == status, result
    assert "\x1b" not in result.out + result.err, result
    return result


def rows(work, *args):
    return [json.loads(line) for line in referrers(work, "--format", "json", *args).lines]


def refused(work, *args):
    began = time.time()
    said = referrers(work, *args, status=125).err
    assert said.startswith("ucrctl") and len(said.splitlines()) <= 2, said
    assert time.time() - began < 60
    return said


def subject_of(manifest):
    return registry.descriptor(json.dumps(manifest).encode(), registry.MANIFEST)


def attach(reg, subject, kind, content):
    """An artifact that refers to `subject`; its manifest."""
    reg.put_blob(b"{}")
    reg.put_blob(content)
    body = document(artifactType=kind, parts=[content], subject=subject, annotations=ANNOTATIONS)
    reg.put_manifest("t/app", None, body)
    return body


def filled(reg, count=5):
    """An image with a signature each for all but one, which is a list of parts."""
    subject = subject_of(reg.put_image())
    made = [attach(reg, subject, PARTS_LIST if i == 1 else SIGNATURE, b"%d" % i)
            for i in range(count)]
    return subject["digest"], [registry.digest(body) for body in made]


def test_api(work):
    """by tag and by digest, over several pages; each can be pulled"""
    with Registry() as reg:
        reg.has_referrers = True
        subject, made = filled(reg)
        name = f"{reg.host}/t/app"
        assert referrers(work, "-q", f"{name}:1").lines == made
        assert len(reg.paths("/referrers/")) == 3, reg.requests
        reg.requests.clear()
        assert referrers(work, "-q", f"{name}@{subject}").lines == made
        assert not reg.paths("/manifests/"), reg.requests
        table = referrers(work, f"{name}:1").lines
        assert table[0].split() == ["DIGEST", "ARTIFACT", "TYPE", "SIZE"] and len(table) == 6, table
        assert made[1] in table[2] and PARTS_LIST in table[2], table
        found = rows(work, f"{name}:1")
        assert [row["Digest"] for row in found] == made
        assert found[0]["Annotations"] == ANNOTATIONS and found[0]["ArtifactType"] == SIGNATURE
        assert found[0]["Bytes"] == len(reg.manifests["t/app", made[0]][0]), found[0]
        assert found[0]["MediaType"] == registry.MANIFEST
        references = referrers(work, "--format", "{{.Reference}}", f"docker://{name}:1").lines
        assert references == [f"{name}@{digest}" for digest in made]
        pull(work, references[1])
        shown = cli.good("inspect", "-f", "{{.ArtifactType}}", references[1], root=f"{work}/root")
        assert shown.lines == [PARTS_LIST]
        assert "owned" in referrers(work, "--format", "{{.Annotations}}", f"{name}:1").out


def test_filter(work):
    """only one type, whether the registry filters or not"""
    for filters in (True, False):
        with Registry() as reg:
            reg.has_referrers, reg.filters_referrers = True, filters
            _, made = filled(reg)
            name = f"{reg.host}/t/app:1"
            only = referrers(work, "-q", "--artifact-type", PARTS_LIST, name).lines
            assert only == [made[1]], (filters, only)
            assert f"artifactType={PARTS_LIST.replace('/', '%2F').replace('+', '%2B')}" in \
                reg.paths("/referrers/")[0], reg.requests
            rest = referrers(work, "-q", "--artifact-type", SIGNATURE, name).lines
            assert rest == [made[0], *made[2:]], (filters, rest)
            assert referrers(work, "-q", "--artifact-type", "application/x", name).lines == []


def test_tag(work):
    """a registry without the list has it under a tag; without the tag there are none"""
    with Registry() as reg:
        subject, made = filled(reg)
        name = f"{reg.host}/t/app:1"
        assert referrers(work, "-q", name).lines == []
        assert referrers(work, name).lines == ["DIGEST   ARTIFACT TYPE   SIZE"]
        assert rows(work, name) == []
        assert reg.paths("/manifests/")[-1].endswith("/sha256-" + subject[7:]), reg.requests
        listed = reg.referrers("t/app", subject)
        reg.put_manifest("t/app", "sha256-" + subject[7:], registry.index_of(listed), registry.INDEX)
        assert referrers(work, "-q", name).lines == made
        assert rows(work, name)[0]["Annotations"] == ANNOTATIONS
        assert referrers(work, "-q", "--artifact-type", PARTS_LIST, name).lines == [made[1]]


def test_login(work):
    """with a password, and a token for the repository"""
    for realm in (False, True):
        with Registry() as reg:
            reg.has_referrers = True
            _, made = filled(reg)
            reg.password = "me:secret"
            reg.token_realm = reg.url + "/token" if realm else None
            name = f"{reg.host}/t/app:1"
            assert referrers(work, "-q", "--creds", "me:secret", name).lines == made
            assert "secret" not in refused(work, "--creds", "me:wrong", name)


def test_names(work):
    """what is no name of a registry, or is not there"""
    assert "this host alone" in refused(work, "localhost/app:1")
    assert "Upper" in refused(work, "127.0.0.1:1/Upper:1")
    with Registry() as reg:
        assert "manifest none" in refused(work, f"{reg.host}/t/app:none")


# ---- answers that are wrong -----------------------------------------------------------------


def lying(work, body, *words, content_type=registry.INDEX, headers=None):
    """The list is this; what is said of it."""
    def fault(handler, path):
        if "/referrers/" not in path:
            return False
        handler.answer(200, body if isinstance(body, bytes) else json.dumps(body).encode(),
                       content_type, headers)
        return True

    with Registry() as reg:
        filled(reg, 1)
        reg.fault = fault
        said = refused(work, f"{reg.host}/t/app:1")
        for word in words:
            assert word in said, (words, said)
        return reg


def test_faulty(work):
    """lists of a wrong type or form, too large, or with what is no digest"""
    good = registry.descriptor(b"x", registry.MANIFEST, artifactType=SIGNATURE)
    lying(work, registry.index_of([good]), "not an image index", content_type="application/json")
    lying(work, registry.index_of([good]), "not an image index", content_type="text/\x1b[31mhtml")
    lying(work, b"<html>", "not an image index", content_type="text/html")
    lying(work, b"{", "referrers of sha256:")
    lying(work, document(), "not what its descriptor says")
    lying(work, b'{"schemaVersion":2,"manifests":[],"manifests":[]}', "twice")
    lying(work, b" " * ((4 << 20) + 1), "larger than a page of referrers may be")
    lying(work, registry.index_of([good] * 1001), "more than 1000 descriptors")
    lying(work, registry.index_of([{**good, "size": -1}]), "size")
    lying(work, registry.index_of([{**good, "annotations": {"a": 1}}]), "annotations")
    lying(work, registry.index_of([{**good, "artifactType": ["x"]}]), "artifactType")


def test_odd_ones(work):
    """one that cannot be pulled, or of which something odd is said, does not hide the others"""
    with Registry() as reg:
        subject, _ = filled(reg)
        good = registry.descriptor(b"x", registry.MANIFEST, artifactType=SIGNATURE)
        listed = [{**good, "digest": "sha512:" + "a" * 128}, {**good, "digest": "\x1b[31m../../x"},
                  {**good, "annotations": {"a": "1", "a=b": "2", "c": "d=e"}}]
        reg.put_manifest("t/app", "sha256-" + subject[7:], registry.index_of(listed), registry.INDEX)
        found = cli.run("referrers", "--format", "json", f"{reg.host}/t/app:1", root=f"{work}/root",
                        env=ENV)
        assert found.status == 0 and found.err.count("is left out") == 2, found
        assert "\x1b" not in found.err, found
        row, = [json.loads(line) for line in found.lines]
        assert row["Digest"] == good["digest"] and row["Annotations"] == {"a": "1", "c": "d=e"}, row


def test_loops(work):
    """pages that lead back, or on and on"""
    good = registry.index_of([registry.descriptor(b"x", registry.MANIFEST)])
    reg = lying(work, good, "lead back to /v2/t/app/referrers/x",
                headers={"Link": '</v2/t/app/referrers/x?a=1>; rel="next"'})
    assert len(reg.paths("/referrers/")) == 2, reg.requests
    state = {"n": 0}

    def onward(handler, path):
        if "/referrers/" not in path:
            return False
        state["n"] += 1
        handler.answer(200, json.dumps(good).encode(), registry.INDEX,
                       {"Link": f'</v2/t/app/referrers/x?n={state["n"]}>; rel="next"'})
        return True

    with Registry() as reg:
        filled(reg, 1)
        reg.fault = onward
        assert "fills more than 100 pages" in refused(work, f"{reg.host}/t/app:1")
        assert len(reg.paths("/referrers/")) == 100


def test_many(work):
    """more than can be listed, or more said of them"""
    many = [registry.descriptor(b"%d" % i, registry.MANIFEST) for i in range(1000)]
    wordy = [{**each, "annotations": {"a": "x" * 3900}} for each in many]
    odd = [{**each, "digest": "sha512:" + "a" * 128} for each in many]
    for listed, count in ((many, 11), (odd, 11), (wordy, 5)):
        body, state = json.dumps(registry.index_of(listed)).encode(), {"n": 0}

        def onward(handler, path, body=body, state=state):
            if "/referrers/" not in path:
                return False
            state["n"] += 1
            handler.answer(200, body, registry.INDEX,
                           {"Link": f'</v2/t/app/referrers/x?n={state["n"]}>; rel="next"'})
            return True

        with Registry() as reg:
            filled(reg, 1)
            reg.fault = onward
            assert "there are more than 10000" in refused(work, f"{reg.host}/t/app:1")
            assert state["n"] == count, state


def test_cut(work):
    """a list that is cut again and again, a missing page, a server with a fault"""
    def answer(make):
        def fault(handler, path):
            if "/referrers/" not in path:
                return False
            make(handler)
            return True
        return fault

    body = json.dumps(registry.index_of([])).encode()
    for make, words in (
            (lambda h: h.cut(body, 10, {"Content-Type": registry.INDEX}), "t/app:1"),
            (lambda h: h.error(500, "X", "on fire\x1b[31m"), "status 500"),
            (lambda h: h.error(403, "DENIED", "no"), "access is denied")):
        with Registry() as reg:
            filled(reg, 1)
            reg.fault = answer(make)
            assert words in refused(work, f"{reg.host}/t/app:1")

    def second_gone(handler, path):
        if "/referrers/" not in path or "from=" not in handler.path:
            return False
        handler.error(404, "X", "gone")
        return True

    with Registry() as reg:
        reg.has_referrers, reg.fault = True, second_gone
        filled(reg)
        assert "a page of the list is not there" in refused(work, f"{reg.host}/t/app:1")


def test_wrong_tag(work):
    """a tag in the place of the list that is no list"""
    with Registry() as reg:
        subject, _ = filled(reg, 1)
        reg.put_manifest("t/app", "sha256-" + subject[7:], document())
        assert "not an image index" in refused(work, f"{reg.host}/t/app:1")


# ---- Debian's registry ----------------------------------------------------------------------


def send(reg, method, path, body=b"", content_type="application/octet-stream"):
    connection = http.client.HTTPConnection(reg.host)
    connection.request(method, path, body, {"Content-Type": content_type})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    assert answer.status in (201, 202), (method, path, answer.status)
    return answer.headers.get("Location")


def push_blob(reg, data):
    place = send(reg, "POST", "/v2/t/app/blobs/uploads/")
    place = place.removeprefix(f"http://{reg.host}")
    send(reg, "PUT", f"{place}{'&' if '?' in place else '?'}digest={registry.digest(data)}", data)
    return data


def push_manifest(reg, body, reference=None, content_type=registry.MANIFEST):
    send(reg, "PUT", f"/v2/t/app/manifests/{reference or registry.digest(body)}", body, content_type)
    return registry.descriptor(body, content_type)


def test_docker_registry(work):
    """an artifact pushed to a registry without the list is found by the tag, and pulled"""
    with DockerRegistry(work) as reg:
        for blob in (b"{}", b"one", b"two"):
            push_blob(reg, blob)
        subject = push_manifest(reg, document(parts=[b"one"]), "1")
        made = document(parts=[b"two"], artifactType=SIGNATURE, subject=subject)
        described = {**push_manifest(reg, made), "artifactType": SIGNATURE}
        name = f"{reg.host}/t/app:1"
        assert referrers(work, "-q", name).lines == []
        push_manifest(reg, json.dumps(registry.index_of([described])).encode(),
                      "sha256-" + subject["digest"][7:], registry.INDEX)
        (row,) = rows(work, name)
        assert row["Digest"] == registry.digest(made) and row["ArtifactType"] == SIGNATURE, row
        pull(work, row["Reference"])
        pull(work, name)
        shown = json.loads(cli.good("inspect", row["Digest"], root=f"{work}/root").out)[0]
        assert shown["Manifest"]["subject"]["digest"] == subject["digest"], shown
        assert shown["Manifest"]["config"]["mediaType"] == EMPTY


if __name__ == "__main__":
    tap.main(globals())
