#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl pull, login and logout against a registry of the test's own."""
import base64
import json
import os
import random
import re
import signal
import subprocess
import time

import cli
import image_files
import registry
from registry import Registry
import tap

ENV = {"DOCKER_CONFIG": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent", "HOME": "/nonexistent",
       "REGISTRY_AUTH_FILE": "", "XDG_RUNTIME_DIR": "/nonexistent"}


def pull(work, *args, env=None, status=0):
    result = cli.run("pull", *args, root=f"{work}/root", env={**ENV, **(env or {})})
    assert result.status == status, result
    return result


def refused(work, *args, env=None):
    """Refused in one sentence (and perhaps a hint), nothing stored: what was said."""
    result = pull(work, "-q", *args, env=env, status=125)
    assert result.err.startswith("ucrctl: "), result
    assert len(result.err.splitlines()) <= 2, result
    assert images(work) == [], result
    return result.err


def images(work):
    return cli.good("images", "-q", root=f"{work}/root").lines


def noise(size):
    return random.Random(size).randbytes(size)


def big_layer(size=3 << 20):
    return image_files.layer(image_files.f("noise", noise(size)))


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


def test_basic(work):
    """a password is asked for, kept by login, and forgotten by logout"""
    docker = f"{work}/docker"
    env = {"DOCKER_CONFIG": docker}
    with Registry() as reg:
        reg.put_image()
        reg.password = "me:pass:word"
        name = f"{reg.host}/t/app:1"
        said = refused(work, name)
        assert "status 401, authentication required" in said, said
        assert f"ucrctl login {reg.host}" in said, said
        wrong = cli.run("login", "-u", "me", "-p", "wrong", reg.host, root=f"{work}/root",
                        env={**ENV, **env})
        assert wrong.status == 125 and "user or password are wrong" in wrong.err, wrong
        assert not os.path.exists(docker)
        with open(f"{work}/pw", "w+", encoding="ascii") as f:
            f.write("pass:word\n")
            f.seek(0)
            done = cli.run("login", "-u", "me", "--password-stdin", reg.host, stdin=f,
                           root=f"{work}/root", env={**ENV, **env})
        assert done.status == 0 and done.out == "Login Succeeded\n", done
        assert os.stat(f"{docker}/config.json").st_mode & 0o777 == 0o600
        pull(work, name, env=env)
        cli.good("logout", reg.host, root=f"{work}/root", env={**ENV, **env})
        assert "knows no login" in cli.refused("logout", reg.host, root=f"{work}/root",
                                               env={**ENV, **env})
        assert "401" in pull(work, name, env=env, status=125).err
        with open(f"{work}/creds", "w", encoding="ascii") as f:
            f.write("me:pass:word\n")
        pull(work, name, "--creds-file", f"{work}/creds")
        pull(work, name, "--creds", "me:pass:word")


def test_all_tags(work):
    """every tag of a repository, which come page by page"""
    with Registry() as reg:
        ids = [reg.put_image(tag=tag, config={"author": tag})["config"]["digest"]
               for tag in ("1", "1.2", "a", "b", "latest")]
        reg.password = "me:pw"
        done = pull(work, "-q", "--all-tags", f"{reg.host}/t/app", "--creds", "me:pw")
        assert done.lines == ids, done
        assert len(reg.paths("/tags/list")) == 4, reg.paths()  # one is refused for its login
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


def test_logout_all(work):
    """every login of the file is forgotten, those that helpers keep included; the rest stays"""
    path = f"{work}/bin"
    os.mkdir(path)
    with open(f"{path}/docker-credential-test", "w", encoding="ascii") as f:
        f.write(f'#!/bin/sh\n[ "$1" = erase ] && {{ cat; echo; }} >>{work}/erased\n')
    os.chmod(f"{path}/docker-credential-test", 0o755)
    env = {**ENV, "REGISTRY_AUTH_FILE": f"{work}/auth.json",
           "PATH": f"{path}:{os.environ['PATH']}"}
    with open(f"{work}/auth.json", "w", encoding="ascii") as f:
        json.dump({"auths": {"a.example": {"auth": "eDp5"}, "b.example:5000": {"auth": "eDp5"}},
                   "credHelpers": {"c.example": "test"}, "detachKeys": "ctrl-x"}, f)
    both = cli.run("logout", "--all", "a.example", root=f"{work}/root", env=env)
    assert both.status == 125 and "or --all" in both.err, both
    done = cli.good("logout", "--all", root=f"{work}/root", env=env)
    assert done.out == "Removed all logins\n", done
    with open(f"{work}/auth.json", encoding="ascii") as f:
        left = json.load(f)
    assert left["auths"] == {} and left["detachKeys"] == "ctrl-x", left
    with open(f"{work}/erased", encoding="ascii") as f:
        assert f.read().split() == ["c.example"]
    os.unlink(f"{work}/auth.json")
    assert "knows no login" in cli.refused("logout", "-a", root=f"{work}/root", env=env)


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


def test_token(work):
    """a token is got where the registry says, and got anew when it is refused in mid-pull"""
    with Registry() as reg, Registry() as service:
        reg.put_image(layers=[big_layer(1 << 16), big_layer(1 << 17)])
        reg.token_realm = service.url + "/token"
        reg.tokens = service.tokens
        service.password = "me:pw"
        name = f"{reg.host}/t/app:1"
        said = refused(work, name)
        assert "get a token" in said and "who are you?" in said, said
        for key in ("token", "access_token"):
            service.token_key = key
            service.scopes.clear()
            pull(work, name, "--creds", "me:pw")
            assert service.scopes == [["repository:t/app:pull,push"]], service.scopes
            cli.good("rmi", name, root=f"{work}/root")
            cli.good("gc", root=f"{work}/root")
        state = {"revoked": False}

        def revoke(_handler, path):
            if "/blobs/" in path and not state["revoked"]:
                state["revoked"] = True
                reg.tokens.clear()
            return False

        reg.fault = revoke
        service.scopes.clear()
        pull(work, name, "--creds", "me:pw")
        assert len(service.scopes) == 2, service.scopes


def test_token_expires(work):
    """a token near its end is renewed before it is shown again"""
    with Registry() as reg:
        reg.put_image()
        reg.token_realm, reg.token_life = reg.url + "/token", 5
        pull(work, f"{reg.host}/t/app:1")
        assert len(reg.scopes) >= 3, reg.scopes
        assert all(headers.get("Authorization") for _, path, headers in reg.requests
                   if "/blobs/" in path)


def test_token_without_scope(work):
    """a registry that does not say for what the token is to be: for pulling this image"""
    with Registry() as reg:
        reg.put_image()
        reg.token_realm, reg.scope = reg.url + "/token", ""
        pull(work, f"{reg.host}/t/app:1")
        assert reg.scopes == [["repository:t/app:pull"]], reg.scopes


def test_identity_token(work):
    """an identity token in config.json becomes a token by OAuth2"""
    os.mkdir(f"{work}/docker")
    with Registry() as reg:
        reg.put_image()
        reg.token_realm, reg.refresh_token = reg.url + "/token", "long-lived"
        with open(f"{work}/docker/config.json", "w", encoding="ascii") as f:
            json.dump({"auths": {reg.host: {"identitytoken": "long-lived"}}}, f)
        pull(work, f"{reg.host}/t/app:1", env={"DOCKER_CONFIG": f"{work}/docker"})
        form = reg.forms[0]
        assert form["grant_type"] == ["refresh_token"] and form["service"] == ["test registry"], form


def test_identity_token_stays(work):
    """an identity token is not posted to where its token service redirects"""
    os.mkdir(f"{work}/docker")
    with Registry() as reg, Registry() as other:
        reg.put_image()
        reg.token_realm, reg.refresh_token = reg.url + "/token", "long-lived"
        other.refresh_token, other.tokens = "long-lived", reg.tokens
        with open(f"{work}/docker/config.json", "w", encoding="ascii") as f:
            json.dump({"auths": {reg.host: {"identitytoken": "long-lived"}}}, f)
        for status in (302, 303, 307, 308):
            def away(handler, path, code=status):
                if path != "/token":
                    return False
                handler.answer(code, headers={"Location": other.url + "/token"})
                return True
            reg.fault = away
            said = refused(work, f"{reg.host}/t/app:1", env={"DOCKER_CONFIG": f"{work}/docker"})
            assert "would send the login" in said, said
        assert not other.forms and not other.requests, (other.forms, other.requests)


def test_certificates(work):
    """https with an authority of one's own, by file or in certs.d, and a client's certificate"""
    cert = registry.make_certificates(work)
    with Registry((cert("server.crt"), cert("server.key")), client_ca=cert("ca.crt")) as reg:
        reg.put_image()
        name = f"{reg.host}/t/app:1"
        said = refused(work, name)
        assert "certificate" in said.lower() and "registries.json" in said, said
        config = f"{work}/registries.json"
        entry = {"ca": cert("ca.crt"), "cert": cert("client.crt"), "key": cert("client.key")}
        with open(config, "w", encoding="ascii") as f:
            json.dump({"registries": {reg.host: {"ca": cert("ca.crt")}}}, f)
        refused(work, name, "--registries", config)
        with open(config, "w", encoding="ascii") as f:
            json.dump({"registries": {reg.host: entry}}, f)
        pull(work, name, "--registries", config)
        directory = f"{work}/xdg/containers/certs.d/{reg.host}"
        os.makedirs(directory)
        for source, target in (("ca.crt", "ca.crt"), ("client.crt", "me.cert"),
                               ("client.key", "me.key")):
            os.link(cert(source), f"{directory}/{target}")
        pull(work, name, env={"XDG_CONFIG_HOME": f"{work}/xdg"})


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


def test_redirect_without_credentials(work):
    """a redirect to another server is followed without the credentials"""
    with Registry() as reg, Registry() as cdn:
        manifest = reg.put_image()
        cdn.blobs = reg.blobs
        reg.password = "me:pw"

        def away(handler, path):
            if "/blobs/" not in path:
                return False
            handler.answer(307, headers={"Location": f"{cdn.url}/cdn/{path.split('/')[-1]}"})
            return True

        reg.fault = away
        cdn.files = {f"/cdn/{key}": value for key, value in reg.blobs.items()}
        pull(work, f"{reg.host}/t/app:1", "--creds", "me:pw")
        assert len(cdn.requests) == 2, cdn.requests
        assert not [h for _, _, h in cdn.requests if "Authorization" in h], cdn.requests
        assert manifest


def test_url(work):
    """an archive is loaded from its URL, and cut downloads are refused"""
    tar = image_files.layer(image_files.d("etc"), image_files.d("usr"), image_files.f("etc/x", "x"))
    with Registry() as reg:
        reg.files["/root.tar"] = tar
        result = cli.run("load", reg.url + "/root.tar", root=f"{work}/root", env=ENV)
        assert result.status == 0 and "Loaded image ID" in result.out, result
        missing = cli.run("load", reg.url + "/none.tar", root=f"{work}/root", env=ENV)
        assert missing.status == 125 and "it is not there (status 404" in missing.err, missing


def test_url_with_password(work):
    """a URL with a password in it is refused without showing it"""
    result = cli.run("load", "http://me:canary@127.0.0.1:1/x.tar", root=f"{work}/root", env=ENV)
    assert result.status == 125 and "by other means" in result.err, result


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


def test_secrets_stay(work):
    """no password is in the store, the events or what is printed"""
    with Registry() as reg:
        reg.put_image()
        reg.password = "me:canary-7f3a"
        result = pull(work, f"{reg.host}/t/app:1", "--creds", reg.password)
        refusal = pull(work, f"{reg.host}/t/none:1", "--creds", reg.password, status=125)
        encoded = base64.b64encode(reg.password.encode())
        assert "canary" not in result.out + result.err + refusal.err
        for folder, _, names in os.walk(f"{work}/root"):
            for name in names:
                with open(os.path.join(folder, name), "rb") as f:
                    text = f.read()
                assert b"canary" not in text and encoded not in text, name


if __name__ == "__main__":
    tap.main(globals())
