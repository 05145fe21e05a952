#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Pulls through a proxy: named by registries.json or by the environment, and around it."""
import base64
import json

import cli
from proxy import Proxy
import registry
from registry import Registry
import tap
from pulling import images, pull

HOST = "registry.example:5000"  # which only the proxy knows
NAME = f"{HOST}/t/app:1"
NO_ENV = {name: "" for word in ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
          for name in (word, word.upper())}


def config(work, **settings):
    path = f"{work}/registries.json"
    with open(path, "w", encoding="ascii") as f:
        json.dump({"registries": {HOST: {"insecure": True}}, **settings}, f)
    return "--registries", path


def forget(work):
    cli.good("rmi", "-f", *images(work), root=f"{work}/root")
    cli.good("gc", "-a", root=f"{work}/root")


def test_plain(work):
    """whole URLs, for a registry that only the proxy finds"""
    with Registry() as reg, Proxy(reg.host) as proxy:
        reg.put_image()
        pull(work, NAME, *config(work, proxy=f"http://{proxy.host}"), env=NO_ENV)
        asked = [path for method, path, _ in proxy.requests if method == "GET"]
        assert asked[0] == f"http://{HOST}/v2/t/app/manifests/1", proxy.requests
        assert len(asked) == len(reg.requests) == 3, (asked, reg.requests)


def test_tunnel(work):
    """CONNECT, through which the registry's certificate is checked"""
    cert = registry.make_certificates(work)
    with Registry((cert("server.crt"), cert("server.key"))) as reg, Proxy(reg.host) as proxy:
        reg.put_image()
        host = reg.host.replace("127.0.0.1", "localhost")
        settings = {"proxy": proxy.host, "registries": {host: {"ca": cert("ca.crt")}}}
        pull(work, f"{host}/t/app:1", *config(work, **settings), env=NO_ENV)
        assert {(m, p) for m, p, _ in proxy.requests} == {("CONNECT", host)}, proxy.requests
        del settings["registries"]
        forget(work)
        said = pull(work, f"{host}/t/app:1", *config(work, **settings), env=NO_ENV, status=125).err
        assert "certificate" in said, said


def test_environment(work):
    """the usual variables, which the configuration goes before"""
    with Registry() as reg, Proxy(reg.host) as proxy:
        reg.put_image()
        for variables in (("https_proxy", "http_proxy"), ("HTTPS_PROXY", "HTTP_PROXY"),
                          ("ALL_PROXY",)):
            env = {**NO_ENV, **{name: f"http://{proxy.host}" for name in variables}}
            pull(work, NAME, *config(work), env=env)
            forget(work)
        seen = len(proxy.requests)
        # https_proxy is not for what is asked over http.
        said = pull(work, NAME, *config(work), env={**NO_ENV, "https_proxy": proxy.host},
                    status=125).err
        assert HOST.split(":")[0] in said, said
        assert {method for method, *_ in proxy.requests[seen:]} == {"CONNECT"}, proxy.requests
        nowhere = {**NO_ENV, "https_proxy": "http://127.0.0.1:1", "http_proxy": "127.0.0.1:1"}
        pull(work, NAME, *config(work, proxy=proxy.host), env=nowhere)


def test_around(work):
    """what no_proxy lists, and this host where only the environment names a proxy"""
    with Registry() as reg, Proxy(reg.host) as proxy:
        reg.put_image()
        env = {**NO_ENV, "https_proxy": proxy.host, "http_proxy": proxy.host}
        pull(work, f"{reg.host}/t/app:1", *config(work), env=env)
        for settings, more in (({}, {"no_proxy": "other,.example"}), ({}, {"NO_PROXY": "*"}),
                               ({"no_proxy": HOST.split(":", maxsplit=1)[0]}, {})):
            said = pull(work, NAME, *config(work, **settings), env={**env, **more}, status=125).err
            assert "resolve" in said, said
        assert not proxy.requests, proxy.requests


def test_fences(work):
    """a redirect into this network is refused through a proxy, too"""
    with Registry() as reg, Proxy(reg.host) as proxy:
        reg.put_image()
        reg.fault = lambda handler, path: "/blobs/" in path and (handler.answer(
            302, headers={"Location": "http://169.254.169.254/x"}), True)[1]
        said = pull(work, NAME, *config(work, proxy=proxy.host), env=NO_ENV, status=125).err
        assert "169.254.169.254, an address that is not public" in said, said
        assert not [p for _, p, _ in proxy.requests if "169.254" in p], proxy.requests


def test_login(work):
    """a login for the proxy, which nobody else sees"""
    with Registry() as reg, Proxy(reg.host) as proxy:
        reg.put_image()
        proxy.login = "Basic " + base64.b64encode(b"me:canary").decode()
        said = pull(work, NAME, *config(work, proxy=f"http://me:canary2@{proxy.host}"), env=NO_ENV,
                    status=125).err
        assert "407" in said and "canary" not in said, said
        pull(work, NAME, *config(work, proxy=f"http://me:canary@{proxy.host}"), env=NO_ENV)
        assert reg.requests and not [h for *_, h in reg.requests
                                     if "Authorization" in h or "Proxy-Authorization" in h]


if __name__ == "__main__":
    tap.main(globals())
