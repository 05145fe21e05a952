#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucrctl against Debian's docker-registry, with images that skopeo pushed: plain, with passwords
over TLS, and with a token service."""
import base64
import http.server
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse

import cli
import http_server
import image_files
import registry
import tap
from tap import Skip
from pulling import ENV, big_layer, images, pull


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class DockerRegistry:
    """The real one, on a port and in a directory of its own."""

    def __init__(self, work, extra="", scheme="http"):
        if not cli.have("docker-registry") or not cli.have("skopeo"):
            raise Skip("docker-registry or skopeo is not installed")
        self.host = f"127.0.0.1:{free_port()}"
        self.scheme = scheme
        with open(f"{work}/registry.yml", "w", encoding="ascii") as f:
            f.write("version: 0.1\nlog: {level: info, accesslog: {disabled: false}}\n"
                    f"storage: {{filesystem: {{rootdirectory: {work}/data}}}}\n{extra}"
                    f"http:\n  addr: {self.host}\n")
            if scheme == "https":
                f.write(f"  tls: {{certificate: {work}/server.crt, key: {work}/server.key}}\n")
        self.log = f"{work}/registry.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", f"{work}/registry.yml"],
                                            stdout=log, stderr=log, env={**os.environ, "HOME": work})

    def __enter__(self):
        host, port = self.host.split(":")
        until = time.time() + 30
        while True:
            try:
                socket.create_connection((host, int(port))).close()
                return self
            except OSError:
                assert self.process.poll() is None and time.time() < until, open(self.log).read()
                time.sleep(0.05)

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def requests(self, part):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return [line for line in f if '"GET ' in line and part in line]


def oci_layout(work, *layers):
    """An OCI layout with these tars, one image."""
    layout = f"{work}/layout"
    image_files_digest = registry.digest
    os.makedirs(f"{layout}/blobs/sha256")

    def put(data):
        with open(f"{layout}/blobs/sha256/{image_files_digest(data)[7:]}", "wb") as f:
            f.write(data)
        return data

    config = put(json.dumps({"architecture": "amd64", "os": "linux", "config": {},
                             "rootfs": {"type": "layers", "diff_ids": [
                                 registry.digest(tar) for tar in layers]}}).encode())
    manifest = put(json.dumps({
        "schemaVersion": 2, "mediaType": registry.MANIFEST,
        "config": registry.descriptor(config, registry.CONFIG),
        "layers": [registry.descriptor(put(tar), registry.LAYER.replace("+gzip", ""))
                   for tar in layers]}).encode())
    with open(f"{layout}/index.json", "w", encoding="ascii") as f:
        json.dump({"schemaVersion": 2, "manifests": [
            registry.descriptor(manifest, registry.MANIFEST)]}, f)
    with open(f"{layout}/oci-layout", "w", encoding="ascii") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    return layout


def push(work, reg, name, *layers, args=()):
    layout = oci_layout(work, *layers)
    subprocess.run(["skopeo", "--insecure-policy", "copy", "-q", *args, "--dest-tls-verify=false",
                    f"oci:{layout}", f"docker://{reg.host}/{name}"], check=True)
    shutil.rmtree(layout)


def test_plain(work):
    """plain http on this host: pulled once by any number at a time, and run"""
    layers = [image_files.layer(image_files.f("a", "a")), big_layer(1 << 20)]
    with DockerRegistry(work) as reg:
        push(work, reg, "t/app:1", *layers)
        name = f"{reg.host}/t/app:1"
        processes = [subprocess.Popen([cli.UCRCTL, "--root", f"{work}/root", "pull", "-q", name],
                                      env={**os.environ, **ENV}, stdout=subprocess.PIPE)
                     for _ in range(4)]
        assert len({process.communicate()[0] for process in processes}) == 1
        assert all(process.returncode == 0 for process in processes)
        assert len(reg.requests("/blobs/")) == 3 + 3, reg.requests("/blobs/")
        out = f"{work}/out"
        cli.good("unpack", name, out, root=f"{work}/root")
        assert sorted(os.listdir(out)) == ["a", "noise"]
        said = pull(work, f"{reg.host}/t/none:1", status=125).err
        assert "it is not there (status 404, manifest unknown)" in said, said


def test_password_over_tls(work):
    """htpasswd over TLS with an authority of one's own"""
    if not cli.have("htpasswd"):
        raise Skip("htpasswd is not installed")
    cert = registry.make_certificates(work)
    with open(f"{work}/htpasswd", "wb") as f:
        f.write(subprocess.run(["htpasswd", "-Bbn", "me", "secret"], check=True,
                               capture_output=True).stdout)
    extra = f"auth: {{htpasswd: {{realm: test, path: {work}/htpasswd}}}}\n"
    with DockerRegistry(work, extra, "https") as reg:
        push(work, reg, "t/app:1", big_layer(1 << 16), args=["--dest-creds", "me:secret"])
        name = f"{reg.host}/t/app:1"
        config = f"{work}/registries.json"
        with open(config, "w", encoding="ascii") as f:
            json.dump({"registries": {reg.host: {"ca": cert("ca.crt")}}}, f)
        said = pull(work, name, "--registries", config, status=125).err
        assert f"ucrctl login {reg.host}" in said, said
        env = {**ENV, "DOCKER_CONFIG": f"{work}/docker", "UCR_REGISTRIES": config}
        login = ["login", "-u", "me", reg.host]
        wrong = cli.run(*login, "-p", "wrong", env=env, root=f"{work}/root")
        assert wrong.status == 125 and "wrong" in wrong.err, wrong
        assert cli.run(*login, "-p", "secret", env=env, root=f"{work}/root").status == 0
        pull(work, name, env=env)
        assert len(images(work)) == 1
        with open(config, "w", encoding="ascii") as f:
            json.dump({"registries": {reg.host: {"insecure": True}}}, f)
        pull(work, name, env=env)


class TokenService(http.server.BaseHTTPRequestHandler):
    """Signs what it is asked for, for user me; RS256 by openssl."""

    def log_message(self, *_args):
        pass

    def do_GET(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        want = "Basic " + base64.b64encode(b"me:secret").decode()
        if self.headers.get("Authorization") != want:
            self.send_error(401)
            return
        access = []
        for scope in query.get("scope", []):
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        body = json.dumps({"token": self.server.sign({
            "iss": "test issuer", "sub": "me", "aud": query["service"][0],
            "exp": int(time.time()) + 300, "nbf": int(time.time()) - 10,
            "iat": int(time.time()), "jti": str(time.time()), "access": access})}).encode()
        self.server.count += 1
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def signer(cert):
    with open(cert("server.crt"), encoding="ascii") as f:
        der = "".join(line.strip() for line in f if "-----" not in line)
    head = base64url(json.dumps({"alg": "RS256", "typ": "JWT", "x5c": [der]}).encode())

    def sign(claims):
        text = head + b"." + base64url(json.dumps(claims).encode())
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", cert("server.key")],
                                   input=text, check=True, capture_output=True).stdout
        return (text + b"." + base64url(signature)).decode()
    return sign


def test_token_service(work):
    """tokens of a service that signs them"""
    cert = registry.make_certificates(work)
    service = http_server.Server(TokenService, sign=signer(cert), count=0)
    realm = f"http://{service.host}/token"
    extra = (f"auth: {{token: {{realm: \"{realm}\", service: test, issuer: test issuer, "
             f"rootcertbundle: {cert('ca.crt')}}}}}\n")
    with DockerRegistry(work, extra) as reg:
        push(work, reg, "t/app:1", big_layer(1 << 16), args=["--dest-creds", "me:secret"])
        service.count = 0
        said = pull(work, f"{reg.host}/t/app:1", status=125).err
        assert "get a token" in said, said
        pull(work, f"{reg.host}/t/app:1", "--creds", "me:secret")
        assert service.count == 1, service.count
    service.stop()


if __name__ == "__main__":
    tap.main(globals())
