#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who may pull: passwords, tokens and certificates reach whom they are for, and nobody else."""
import base64
import json
import os

import cli
from pulling import ENV, pull, refused, big_layer
import registry
from registry import Registry
import tap


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


def test_url_with_password(work):
    """a URL with a password in it is refused without showing it"""
    result = cli.run("load", "http://me:canary@127.0.0.1:1/x.tar", root=f"{work}/root", env=ENV)
    assert result.status == 125 and "by other means" in result.err, result


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
