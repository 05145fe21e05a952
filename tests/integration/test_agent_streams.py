#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What flows through the agent's socket: attached containers."""
import base64
import contextlib
import hashlib
import json
import os
import shutil
import time

from agent import JSON, Agent, Connection
import cli
import tap

RECORDIO = {"Content-Type": "application/recordio", "Message-Content-Type": "application/json"}
OUTPUT = {**JSON, "Accept": "application/recordio", "Message-Accept": "application/json"}


def shell(text, **more):
    return {"value": text, **more}


class Output:
    """An ATTACH_CONTAINER_OUTPUT: its records, as they come."""

    def __init__(self, agent, name, **fields):
        self.connection = Connection(agent.path)
        body = {"type": "ATTACH_CONTAINER_OUTPUT",
                "attach_container_output": {"container_id": {"value": name}, **fields}}
        self.connection.request("POST", "/api/v1", json.dumps(body), OUTPUT)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200, self.answer.read()

    def record(self):
        length = self.answer.readline()
        return json.loads(self.answer.read(int(length))) if length else None

    def data(self, want=None):
        """The bytes by stream: until `want` is among them, or until the end."""
        found = {"STDOUT": b"", "STDERR": b""}
        while want is None or want not in found["STDOUT"] + found["STDERR"]:
            record = self.record()
            if record is None:
                assert want is None, (want, found)
                return found
            if record["type"] == "DATA":
                found[record["data"]["type"]] += base64.b64decode(record["data"]["data"])
        return found

    def close(self):
        self.answer.close()
        self.connection.close()


def record(**fields):
    text = json.dumps({"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": fields}).encode()
    return b"%d\n%s" % (len(text), text)


def container_id(name):
    return record(type="CONTAINER_ID", container_id={"value": name})


def data(text):
    return record(type="PROCESS_IO", process_io={
        "type": "DATA", "data": {"type": "STDIN", "data": base64.b64encode(text).decode()}})


def control(**fields):
    return record(type="PROCESS_IO", process_io={"type": "CONTROL", "control": fields})


HEARTBEAT = control(type="HEARTBEAT", heartbeat={"interval": {"nanoseconds": 30000000000}})


class Input:
    """An ATTACH_CONTAINER_INPUT, chunk by chunk."""

    def __init__(self, agent, name):
        self.connection = Connection(agent.path)
        self.connection.putrequest("POST", "/api/v1")
        for header, value in {**RECORDIO, "Transfer-Encoding": "chunked"}.items():
            self.connection.putheader(header, value)
        self.connection.endheaders()
        self.send(container_id(name))

    def send(self, text):
        self.connection.send(b"%x\r\n%s\r\n" % (len(text), text))

    def end(self):
        self.connection.send(b"0\r\n\r\n")
        answer = self.connection.getresponse()
        text = answer.read()
        self.connection.close()
        return answer.status, json.loads(text) if text else None


def interactive(agent, name, *command, options=("-i",)):
    """One whose input stays open, and maybe with a terminal."""
    cli.good("run", "-d", *options, "--name", name, "host:", *command, root=agent.root)


def test_output(work):
    """both streams as they come, until the container ends"""
    with Agent(work) as agent:
        interactive(agent, "a", "sh", "-c", "read x; echo to-out; echo to-err >&2; read y; echo end")
        output = Output(agent, "a")
        assert output.answer.headers["Content-Type"] == "application/recordio", output.answer.headers
        assert output.answer.headers["Message-Content-Type"] == "application/json"
        assert output.answer.headers["Transfer-Encoding"] == "chunked"
        source = Input(agent, "a")
        source.send(data(b"go\n"))
        found = output.data(b"to-err")
        assert found["STDERR"] == b"to-err\n", found
        source.send(HEARTBEAT + data(b"go\n"))
        assert output.data()["STDOUT"].endswith(b"end\n")
        assert cli.good("wait", "a", root=agent.root).out == "0\n"
        body = {"type": "ATTACH_CONTAINER_OUTPUT",
                "attach_container_output": {"container_id": {"value": "a"}}}
        status, text, _ = agent.request("POST", "/api/v1", json.dumps(body), OUTPUT)
        assert status == 409 and "not running" in json.loads(text)["error"], (status, text)
        assert agent.call("ATTACH_CONTAINER_OUTPUT", container_id={"value": "none"})[0] == 404


def test_input(work):
    """much of it, in records cut anywhere; the empty one ends it"""
    with Agent(work) as agent:
        interactive(agent, "sum", "sha256sum")
        output, source = Output(agent, "sum"), Input(agent, "sum")
        text = os.urandom(3 << 20)
        stream = b"".join(data(text[at:at + 50000]) for at in range(0, len(text), 50000))
        for at in range(0, len(stream), 77777):
            source.send(stream[at:at + 77777])
        source.send(data(b""))
        assert source.end() == (200, None)
        found = output.data()["STDOUT"].split()[0].decode()
        assert found == hashlib.sha256(text).hexdigest(), found


def test_terminal(work):
    """a window size, and what is typed"""
    with Agent(work) as agent:
        interactive(agent, "tty", "sh", "-c", "trap 'stty size' WINCH; while read x; do echo got-$x; done",
                    options=("-i", "-t"))
        output, source = Output(agent, "tty"), Input(agent, "tty")
        source.send(control(type="TTY_INFO", tty_info={"window_size": {"rows": 33, "columns": 77}}))
        source.send(data(b"x\n"))
        assert b"33 77" in output.data(b"got-x")["STDOUT"]
        output.close()
        again = Output(agent, "tty")
        source.send(data(b"later\n"))
        again.data(b"got-later")
        source.send(data(b"\x04"))
        assert source.end() == (200, None)
        again.data()


def test_slow_input(work):
    """what a task does not read stops the client, and nothing grows"""
    with Agent(work) as agent:
        interactive(agent, "deaf", "sleep", "1000")
        source = Input(agent, "deaf")
        source.connection.sock.settimeout(0.5)
        sent = 0
        with contextlib.suppress(TimeoutError):
            for _ in range(2000):
                source.send(data(b"x" * 40000))
                sent += 40000
        assert sent < 8 << 20, sent
        with open(f"/proc/{agent.api_pid()}/status", encoding="ascii") as file:
            rss = [int(line.split()[1]) for line in file if line.startswith("VmRSS")][0]
        assert rss < 32 << 10, rss
        source.connection.close()
        assert agent.call("GET_HEALTH")[0] == 200
        assert agent.kill("deaf")[0] == 200


def test_wrong_input(work):
    """each is refused in words"""
    with Agent(work) as agent:
        interactive(agent, "cat", "cat")
        first = container_id("cat")
        for text, status, word in (
                (b"", 400, "JSON"), (b"x\n", 400, "length"), (b"\n", 400, "length"),
                (b"99999999\n", 400, "larger"), (b"2\n{}", 400, "type"),
                (data(b"x"), 400, "CONTAINER_ID"), (container_id("none"), 404, "none"),
                (first + first, 400, "attach_container_input.type"),
                (first + b"1\n[", 400, ""), (first + b"-1\n", 400, "length"),
                (first + data(b"x").replace(b'"STDIN"', b'"OTHER"'), 400, "data.type"),
                (first + data(b"xxx").replace(b"eHh4", b"!!!!"), 400, "base64"),
                (first + control(type="TTY_INFO", tty_info={"window_size": {"rows": 1, "columns": -1}}),
                 400, "columns"),
                (first + control(type="TTY_INFO"), 400, "window_size")):
            code, answer, _ = agent.request("POST", "/api/v1", text, RECORDIO)
            assert code == status and word in json.loads(answer)["error"], (text, code, answer)
        status, answer = agent.call("ATTACH_CONTAINER_INPUT", type="CONTAINER_ID",
                                    container_id={"value": "cat"})
        assert status == 400 and "recordio" in answer["error"], answer
        text = json.dumps({"type": "GET_HEALTH"})
        code, answer, _ = agent.request("POST", "/api/v1", f"{len(text)}\n{text}", RECORDIO)
        assert code == 400 and "recordio" in json.loads(answer)["error"], answer
        assert agent.call("GET_HEALTH")[0] == 200 and "ended" not in agent.said(), agent.said()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_hang_up(work):
    """clients that go, in both directions, leave nothing behind"""
    with Agent(work) as agent:
        interactive(agent, "cat", "cat")
        agent.call("GET_HEALTH")
        time.sleep(0.1)
        before = descriptors(agent.api_pid())
        for _ in range(20):
            output, source = Output(agent, "cat"), Input(agent, "cat")
            source.send(data(b"one\n"))
            output.data(b"one")
            output.close()
            source.connection.close()
        for _ in range(200):
            if descriptors(agent.api_pid()) <= before:
                break
            time.sleep(0.02)
        assert descriptors(agent.api_pid()) <= before
        # Nor did the input end with them.
        output, source = Output(agent, "cat"), Input(agent, "cat")
        source.send(data(b"last\n"))
        output.data(b"last")
        source.send(data(b""))
        assert source.end()[0] == 200
        output.data()


def test_ended(work):
    """the container's end ends whoever only sends"""
    with Agent(work) as agent:
        interactive(agent, "cat", "cat")
        output, source = Output(agent, "cat"), Input(agent, "cat")
        source.send(data(b"x\n"))
        output.data(b"x")
        assert agent.kill("cat")[0] == 200
        output.data()
        source.connection.sock.settimeout(20)
        assert source.connection.sock.recv(1) == b""


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root")
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        tap.main(globals())
