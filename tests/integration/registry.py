# SPDX-License-Identifier: Apache-2.0
"""A registry of the test's own, on loopback: good, or as bad as a test wants it."""
import base64
import gzip
import hashlib
import http.server
import json
import re
import subprocess
import threading
import urllib.parse

import http_server
import image_files

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def descriptor(data, media_type, **more):
    return {"mediaType": media_type, "digest": digest(data), "size": len(data), **more}


def index_of(descriptors):
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": descriptors}


class Handler(http.server.BaseHTTPRequestHandler):
    """One request; what the registry's `fault` returns true for was answered by it."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_args):
        pass

    def answer(self, status, body=b"", content_type="application/json", headers=None):
        self.send_response(status)
        for name, value in {"Content-Type": content_type, "Content-Length": str(len(body)),
                            **(headers or {})}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code, message, headers=None):
        body = json.dumps({"errors": [{"code": code, "message": message}]}).encode()
        self.answer(status, body, headers=headers)

    def cut(self, body, keep, headers=None):
        """Promises the whole body and closes after a part of it."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[:keep])
        self.wfile.flush()
        self.close_connection = True

    def may_pass(self):
        """Whether the request shows what the registry wants to see."""
        reg = self.server.registry
        got = self.headers.get("Authorization", "")
        if reg.token_realm:
            if got.startswith("Bearer ") and got[7:] in reg.tokens:
                return True
            self.error(401, "UNAUTHORIZED", "authentication required", {
                "WWW-Authenticate": f'Bearer realm="{reg.token_realm}",service="test registry"'
                                    + reg.scope})
            return False
        if reg.password and got != "Basic " + base64.b64encode(reg.password.encode()).decode():
            self.error(401, "UNAUTHORIZED", "authentication required",
                       {"WWW-Authenticate": 'Basic realm="test"'})
            return False
        return True

    def blob(self, body):
        mark = self.server.registry.mark(body)
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if not wanted or self.headers.get("If-Range", "") not in ["", *mark.values()]:
            self.answer(200, body, "application/octet-stream", mark)
            return
        start = int(wanted[1])
        if start >= len(body):
            self.answer(416)
            return
        self.answer(206, body[start:], "application/octet-stream",
                    {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}", **mark})

    def tags(self, repository, last):
        """Two of a repository's tags at a time."""
        left = sorted(tag for name, tag in self.server.registry.manifests
                      if name == repository and ":" not in tag and tag > last)
        more = {"Link": f'</v2/{repository}/tags/list?last={left[1]}&n=2>; rel="next"'} \
            if len(left) > 2 else {}
        self.answer(200, json.dumps({"name": repository, "tags": left[:2] or None}).encode(),
                    headers=more)

    def referrers(self, repository, subject, query):
        """Two at a time, filtered when the registry does that."""
        reg = self.server.registry
        found = reg.referrers(repository, subject)
        wanted, first = query.get("artifactType"), int(query.get("from", ["0"])[0])
        more = {}
        if wanted and reg.filters_referrers:
            found = [each for each in found if each["artifactType"] == wanted[0]]
            more["OCI-Filters-Applied"] = "artifactType"
        if len(found) > first + 2:
            again = "&".join([f"from={first + 2}", *[f"artifactType={urllib.parse.quote(each)}"
                                                     for each in wanted or []]])
            more["Link"] = f'</v2/{repository}/referrers/{subject}?{again}>; rel="next"'
        self.answer(200, json.dumps(index_of(found[first:first + 2])).encode(), INDEX, more)

    def token(self, query):
        reg = self.server.registry
        if reg.password:
            want = "Basic " + base64.b64encode(reg.password.encode()).decode()
            if self.headers.get("Authorization") != want:
                self.error(401, "UNAUTHORIZED", "who are you?")
                return
        reg.tokens.add(f"token-{len(reg.tokens)}")
        reg.scopes.append(query.get("scope"))
        self.answer(200, json.dumps({reg.token_key: f"token-{len(reg.tokens) - 1}",
                                     "expires_in": reg.token_life}).encode())

    def do_GET(self):
        reg = self.server.registry
        url = urllib.parse.urlsplit(self.path)
        with reg.lock:
            reg.requests.append((self.command, self.path, dict(self.headers)))
        if reg.fault and reg.fault(self, url.path):
            return
        if url.path == "/token":
            self.token(urllib.parse.parse_qs(url.query))
            return
        if url.path in reg.files:
            self.blob(reg.files[url.path])
            return
        if not self.may_pass():
            return
        tags = re.fullmatch(r"/v2/(.+)/tags/list", url.path)
        if tags:
            self.tags(tags[1], urllib.parse.parse_qs(url.query).get("last", [""])[0])
            return
        subject = re.fullmatch(r"/v2/(.+)/referrers/([^/]+)", url.path)
        if subject and reg.has_referrers:
            self.referrers(subject[1], subject[2], urllib.parse.parse_qs(url.query))
            return
        kind = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", url.path)
        if url.path == "/v2/":
            self.answer(200, b"{}")
        elif kind and kind[2] == "manifests" and (kind[1], kind[3]) in reg.manifests:
            body, media_type = reg.manifests[kind[1], kind[3]]
            self.answer(200, body, media_type, {"Docker-Content-Digest": digest(body)})
        elif kind and kind[2] == "blobs" and kind[3] in reg.blobs:
            self.blob(reg.blobs[kind[3]])
        else:
            self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")

    def do_POST(self):
        length = int(self.headers.get("Content-Length", 0))
        form = urllib.parse.parse_qs(self.rfile.read(length).decode())
        reg = self.server.registry
        reg.forms.append(form)
        if reg.fault and reg.fault(self, urllib.parse.urlsplit(self.path).path):
            return
        if form.get("refresh_token") != [reg.refresh_token]:
            self.error(401, "UNAUTHORIZED", "refresh token is not known")
            return
        reg.tokens.add(f"token-{len(reg.tokens)}")
        self.answer(200, json.dumps({"access_token": f"token-{len(reg.tokens) - 1}"}).encode())


class Registry:
    """Served from its making to stop(). `certificate`: (chain, key) files, or plain http."""

    def __init__(self, certificate=None, client_ca=None, address="127.0.0.1"):
        self.manifests, self.blobs, self.files = {}, {}, {}
        self.requests, self.scopes, self.forms, self.tokens = [], [], [], set()
        self.fault = self.password = self.token_realm = self.refresh_token = None
        self.token_key, self.token_life = "token", 300
        self.scope = ',scope="repository:t/app:pull,push"'
        self.has_referrers = self.filters_referrers = False
        self.mark = lambda body: {}  # the headers by which versions of a body are told apart
        self.lock = threading.Lock()
        tls = http_server.tls_context(certificate, client_ca) if certificate else None
        self.server = http_server.Server(Handler, address=address, tls=tls, registry=self)
        self.scheme = "https" if tls else "http"
        self.host = self.server.host
        self.url = f"{self.scheme}://{self.host}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()

    def put_blob(self, data):
        self.blobs[digest(data)] = data
        return data

    def put_manifest(self, repository, tag, document, media_type=MANIFEST):
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        for reference in (tag, digest(body)):
            if reference:
                self.manifests[repository, reference] = (body, media_type)
        return body

    def put_image(self, repository="t/app", tag="1", layers=None, config=None):
        """An image of these tars (gzip'ed here); its manifest."""
        tars = layers or [image_files.layer(image_files.f("hello", "hello\n"))]
        blobs = [self.put_blob(gzip.compress(tar, 1, mtime=0)) for tar in tars]
        text = self.put_blob(json.dumps({
            "architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(tar) for tar in tars]},
            **(config or {})}).encode())
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": descriptor(text, CONFIG),
                    "layers": [descriptor(blob, LAYER) for blob in blobs]}
        self.put_manifest(repository, tag, manifest)
        return manifest

    def referrers(self, repository, subject):
        """The descriptors of what refers to a digest, in the order in which it was put."""
        found = []
        for (name, reference), (body, media_type) in self.manifests.items():
            document = json.loads(body)
            if name != repository or reference != digest(body) or \
                    document.get("subject", {}).get("digest") != subject:
                continue
            found.append(descriptor(
                body, media_type, annotations=document.get("annotations", {}),
                artifactType=document.get("artifactType", document["config"]["mediaType"])))
        return found

    def paths(self, part=""):
        return [path for _, path, _ in self.requests if part in path]


def make_certificates(work):
    """An authority, a server's certificate for 127.0.0.1 and a client's, by openssl."""
    def openssl(*args):
        subprocess.run(["openssl", *args], cwd=work, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test CA",
            "-keyout", "ca.key", "-out", "ca.crt")
    for name, extension in (("server", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
                            ("client", "extendedKeyUsage=clientAuth")):
        with open(f"{work}/{name}.ext", "w", encoding="ascii") as f:
            f.write(extension + "\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt")
    return lambda name: f"{work}/{name}"
