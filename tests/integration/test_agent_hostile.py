#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody honest would send: each gets its 4xx, and the agent stays as it was."""
import contextlib
import json
import os
import random
import shutil
import socket
import threading
import time

from agent import JSON, Agent, Connection
import tap

RSS_MAX_KB = 64 << 10

SEEDS = [{"type": "GET_HEALTH"}, {"type": "GET_VERSION"}, {"type": "GET_AGENT"}, {"type": "GET_CONTAINERS"},
         {"type": "WAIT_CONTAINER", "wait_container": {"container_id": {"value": "none"}}},
         {"type": "KILL_CONTAINER", "kill_container": {"container_id": {"value": "none"}, "signal": 9}},
         {"type": "REMOVE_CONTAINER", "remove_container": {"container_id": {"value": "none"}}},
         {"type": "LIST_FILES", "list_files": {"path": "none/x"}},
         {"type": "READ_FILE", "read_file": {"path": "none/x", "offset": 0, "length": 10}},
         {"type": "ATTACH_CONTAINER_OUTPUT", "attach_container_output": {"container_id": {"value": "none"}}},
         {"type": "READ_LOGS", "read_logs": {"container_id": {"value": "none"}, "tail": "3"}},
         {"type": "INSPECT_CONTAINER", "inspect_container": {"container_id": {"value": "none"}}},
         {"type": "EXEC_CONTAINER", "exec_container": {"container_id": {"value": "none"}, "run": {"command": ["x"]}}},
         # The URI is refused; where that was mutated away, "true" runs.
         {"type": "LAUNCH_CONTAINER", "launch_container": {
             "container_id": {"value": "a"}, "command": {"value": "true", "uris": [{"value": "/etc/x"}], "user": "0",
                                                         "environment": {"variables": [{"name": "A", "value": "b"}]}},
             "container": {"type": "MESOS", "hostname": "h"},
             "resources": [{"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}]}}]
PIECES = [b"[", b"]", b"{", b"}", b'"', b"\\", b"\0", b"\xff", b",", b":", b"-1", b"1e999", b"null", b"true",
          b"18446744073709551616", b"../", b"\\u0000", b"\\ud800", b"%s%n", b"[" * 200, b"A" * 2000, b'"a":' * 50]
VALUES = [None, True, -1, 2 ** 64, 1e300, "", "../..", "\0", "a" * 5000, [], {}, [[]], [{}], {"value": []}]


def mutate_text(random_, text):
    """Bytes that are changed, dropped, doubled or put in between."""
    out = bytearray(text)
    for _ in range(random_.randint(1, 4)):
        at = random_.randrange(len(out) + 1)
        what = random_.randrange(4)
        if what == 0 and at < len(out):
            out[at] = random_.randrange(256)
        elif what == 1:
            del out[at:at + random_.randint(1, 20)]
        elif what == 2:
            out[at:at] = random_.choice(PIECES)
        else:
            out[at:at] = out[at:at + 30]
    return bytes(out)


def mutate_value(random_, value):
    """The same document with another value somewhere in it."""
    if isinstance(value, dict) and value and random_.random() < 0.8:
        key = random_.choice(list(value))
        if random_.random() < 0.15:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: mutate_value(random_, value[key])}
    if isinstance(value, list) and value and random_.random() < 0.8:
        at = random_.randrange(len(value))
        return value[:at] + [mutate_value(random_, value[at])] + value[at + 1:]
    return random_.choice(VALUES)


def rss_kb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0]


@contextlib.contextmanager
def unharmed(work):
    """An agent that must be the same, no larger, and answer afterwards."""
    with Agent(work) as agent:
        pid = agent.api_pid()
        yield agent
        assert agent.call("GET_HEALTH")[0] == 200
        assert agent.api_pid() == pid and "ended" not in agent.said(), agent.said()
        for one in (pid, agent.process.pid):
            assert tap.is_sanitized("ucr-agentd") or rss_kb(one) < RSS_MAX_KB, rss_kb(one)


def test_mutated(work):
    """10,000 requests, each wrong in its own way"""
    random_ = random.Random(20)
    seen = {}
    with unharmed(work) as agent:
        connection = Connection(agent.path)
        for n in range(10000):
            seed = random_.choice(SEEDS)
            if random_.random() < 0.5:
                body = mutate_text(random_, json.dumps(seed).encode())
            else:
                body = json.dumps(mutate_value(random_, seed)).encode()
            connection.request("POST", "/api/v1", body, JSON)
            answer = connection.getresponse()
            text = answer.read()
            seen[answer.status] = seen.get(answer.status, 0) + 1
            if answer.status >= 400:
                assert answer.status < 500 or answer.status == 501, (n, body, answer.status, text)
                assert answer.headers["Content-Type"] == "application/json", (n, body)
                assert json.loads(text)["error"], (n, body, text)
        connection.close()
        assert seen[400] > 5000 and not agent.containers(), seen
    print(f"# answers by status: {seen}")


def raw(agent, text, timeout=20):
    """What comes back for bytes as they are: the first of it."""
    with socket.socket(socket.AF_UNIX) as raw_socket:
        raw_socket.settimeout(timeout)
        raw_socket.connect(agent.path)
        with contextlib.suppress(OSError):
            raw_socket.sendall(text)
            raw_socket.shutdown(socket.SHUT_WR)
            return raw_socket.recv(4096)
    return b""


def test_mutated_heads(work):
    """requests whose first lines are broken"""
    random_ = random.Random(21)
    heads = [b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /events?since=0 HTTP/1.1\r\nLast-Event-ID: 1\r\n\r\n",
             b"GET /containers/none/logs?tail=1 HTTP/1.1\r\nHost: a\r\n\r\n",
             b"GET /files/download?path=none/x HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\r\n",
             b"POST /api/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/recordio\r\n"
             b"Transfer-Encoding: chunked\r\n\r\n5\r\n2\n{}x\r\n0\r\n\r\n",
             b"POST /api/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"]
    with unharmed(work) as agent:
        for path in ("/files/download?path=a/%ff", "/files/browse?path=%c0%af", "/containers/%ff/logs"):
            status, text, _ = agent.request("GET", path)
            assert status == 400 and json.loads(text)["error"], (path, status, text)
        for _ in range(600):
            # One that is never whole is ended only when it was idle for long.
            answer = raw(agent, mutate_text(random_, random_.choice(heads)), 0.3)
            assert not answer or answer.startswith(b"HTTP/1.1 "), answer
            assert not answer.startswith(b"HTTP/1.1 500"), answer


def test_large(work):
    """a body of 100 MB, two of "[", headers without an end"""
    with unharmed(work) as agent:
        with socket.socket(socket.AF_UNIX) as large:
            large.settimeout(20)
            large.connect(agent.path)
            sent = 0
            with contextlib.suppress(OSError):
                large.sendall(b"POST /api/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                              b"Content-Length: %d\r\n\r\n" % (100 << 20))
                while sent < 100 << 20:
                    large.sendall(b"x" * 65536)
                    sent += 65536
            assert sent < 4 << 20, sent  # it is not read to the end
        status, text, _ = agent.request("POST", "/api/v1", b"[" * 40000, JSON)
        assert status == 400 and "error" in json.loads(text), text
        status, text, _ = agent.request("POST", "/api/v1", b"[" * 1000000, JSON)
        assert status == 413 and "48 KiB" in json.loads(text)["error"], text
        for head in (b"X: " + b"y" * 3000000, b"X: y\r\n" * 100000, b"GET /" + b"a" * 1000000):
            assert b"HTTP/1.1 2" not in raw(agent, b"GET /health HTTP/1.1\r\n" + head + b"\r\n\r\n")


def test_slow_loris(work):
    """500 that never finish their request are in nobody's way"""
    with unharmed(work) as agent:
        slow = []
        for n in range(500):
            one = socket.socket(socket.AF_UNIX)
            one.connect(agent.path)
            one.sendall([b"POST /api/v1 HTTP/1.1\r\nHost: a\r\nX: ", b"G", b"POST /api/v1 HTTP/1.1\r\nHost: a\r\n"
                         b"Content-Type: application/json\r\nContent-Length: 40000\r\n\r\n{"][n % 3])
            slow.append(one)
        time.sleep(1)  # until they are let in
        longest = 0.0
        for n in range(50):
            start = time.monotonic()
            slow[n].sendall(b"x")
            assert agent.call("GET_HEALTH")[0] == 200
            longest = max(longest, time.monotonic() - start)
        assert longest < 5, longest
        for one in slow:
            one.close()
    print(f"# the longest healthy request took {longest * 1000:.0f} ms")


def test_many_at_a_time(work):
    """mutated requests by several at once, while others hang up in the middle"""
    with unharmed(work) as agent:
        failures = []

        def attack(seed):
            random_ = random.Random(seed)
            for _ in range(150):
                body = mutate_text(random_, json.dumps(random_.choice(SEEDS)).encode())
                text = (b"POST /api/v1 HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                        b"Content-Length: %d\r\n\r\n" % len(body)) + body
                if random_.random() < 0.3:
                    text = text[:random_.randrange(len(text))]
                answer = raw(agent, text, 0.5)
                if answer and not answer.startswith(b"HTTP/1.1 "):
                    failures.append(answer)
        threads = [threading.Thread(target=attack, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures[:3]


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())
