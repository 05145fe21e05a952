#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""ucr-agentd: the names of its tasks, as containers ask for them."""
import contextlib
import ctypes
import os
import random
import shutil
import signal
import socket
import subprocess
import sys

from agent import Agent
import cli
from networks import GATEWAY4, GATEWAY6, WORLD4, become_host, leave, nothing_is_left
import networks
import tap

SLEEP = {"value": "sleep 10000"}
A, PTR, AAAA = 1, 12, 28
NO_SUCH_NAME, FAILURE = 3, 2
CLONE_NEWNS = 0x20000
HAS_OWN_MOUNTS = False


# ---- the other end of names --------------------------------------------------------------


def encoded(name):
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"


def query(name, kind, number=None):
    number = random.randrange(1 << 16) if number is None else number
    return (number.to_bytes(2, "big") + b"\x01\0\0\1\0\0\0\0\0\0" + encoded(name) +
            bytes([0, kind, 0, 1]))


def decoded(answer, name):
    """The code, and the records: addresses, or names."""
    at = 12 + len(encoded(name)) + 4
    found = []
    for _ in range(int.from_bytes(answer[6:8], "big")):
        size = int.from_bytes(answer[at + 10:at + 12], "big")
        data = answer[at + 12:at + 12 + size]
        if answer[at + 3] == PTR:
            labels = []
            while data[0]:
                labels.append(data[1:1 + data[0]].decode())
                data = data[1 + data[0]:]
            found.append(".".join(labels))
        else:
            family = socket.AF_INET if size == 4 else socket.AF_INET6
            found.append(socket.inet_ntop(family, data))
        at += 12 + size
    return answer[3] & 15, found


def exchange(kind, server, message):
    """In the network of the caller: the answer, or b'' when there is none."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as s:
        s.settimeout(4)
        try:
            s.connect((server, 53))
            if kind == "udp":
                s.send(message)
                return s.recv(65536)
            s.sendall(len(message).to_bytes(2, "big") + message)
            answer = b""
            while len(answer) < 2 or len(answer) < 2 + int.from_bytes(answer[:2], "big"):
                part = s.recv(65536)
                if not part:
                    return b""
                answer += part
            return answer[2:]
        except OSError:
            return b""


def ask(pid, name, kind=A, server=GATEWAY4, by="udp"):
    """What a container hears."""
    message = query(name, kind)
    prefix = ["nsenter", "-t", str(pid), "-n"] if pid else []
    done = subprocess.run([*prefix, sys.executable, __file__, "--exchange", by, server, message.hex()],
                          check=True, capture_output=True, text=True, timeout=60)
    answer = bytes.fromhex(done.stdout.strip())
    assert not answer or answer[:2] == message[:2], answer
    return decoded(answer, name) if answer else None


def world_server():
    """Answers every name with 198.51.100.7; by TCP with 2,000 addresses."""
    def answer_to(message, count):
        record = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + bytes([198, 51, 100, 7])
        return (message[:2] + b"\x81\x80\0\1" + count.to_bytes(2, "big") + b"\0\0\0\0" +
                message[12:] + record * count)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.bind((WORLD4, 53))
    listener = socket.create_server((WORLD4, 53))
    print("ready", flush=True)
    if os.fork() == 0:
        while True:
            message, caller = datagrams.recvfrom(1500)
            # Whoever guesses is not believed.
            datagrams.sendto(bytes([message[0] ^ 1]) + answer_to(message, 3)[1:], caller)
            datagrams.sendto(answer_to(message, 1), caller)
    while True:
        caller, _ = listener.accept()
        message = caller.recv(1500)[2:]
        answer = answer_to(message, 2000)
        caller.sendall(len(answer).to_bytes(2, "big") + answer)
        caller.close()


@contextlib.contextmanager
def world():
    # pylint: disable-next=subprocess-popen-preexec-fn
    with subprocess.Popen(["nsenter", "-t", str(networks.WORLD.pid), "-n", sys.executable, __file__,
                           "--world"], stdout=subprocess.PIPE, preexec_fn=os.setsid) as process:
        try:
            assert process.stdout.readline() == b"ready\n"
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)


# ---- agents -----------------------------------------------------------------------------


class Names:
    """An agent whose host asks the world for names."""

    def __init__(self, agent):
        self.agent = agent

    def launch(self, name, network="bridge:shared"):
        answer = self.agent.launch(name, SLEEP, container={
            "type": "MESOS", "network_infos": [{"name": network}]})
        assert answer[0] == 200, (answer, self.agent.said())
        status = self.agent.containers()[name]["container_status"]
        addresses = [a["ip_address"] for a in status["network_infos"][0]["ip_addresses"]]
        return status["executor_pid"], addresses

    def end(self, *names):
        for name in names:
            self.agent.kill(name)
            self.agent.wait(name)
            assert self.agent.remove(name)[0] == 200

    def helper(self):
        for pid in self.agent.children(False, kept=("ucr-api", "ucr-agentd", "ucr-net")):
            with contextlib.suppress(OSError), open(f"/proc/{pid}/comm", encoding="ascii") as comm:
                if comm.read() == "ucr-dns\n":
                    return pid
        return None


def own_mounts():
    """Once: what is mounted from now on only the test and its children see."""
    global HAS_OWN_MOUNTS  # pylint: disable=global-statement
    if HAS_OWN_MOUNTS:
        return
    if ctypes.CDLL(None).unshare(CLONE_NEWNS) != 0:
        raise tap.Skip("a mount namespace is not allowed here")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    HAS_OWN_MOUNTS = True


@contextlib.contextmanager
def serving(work, *options):
    become_host()
    own_mounts()
    resolv = f"{work}/resolv.conf"
    with open(resolv, "w", encoding="ascii") as file:
        file.write(f"search example\nnameserver {WORLD4}\n")
    subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)
    try:
        with Agent(work, *options) as agent:
            yield Names(agent)
        nothing_is_left(agent.root)
    finally:
        subprocess.run(["umount", "/etc/resolv.conf"], check=True)


def test_names(work):
    """addresses of both families, and names of both, over UDP and TCP and at both gateways"""
    with serving(work) as names:
        pid, _ = names.launch("web")
        _, (ip4, ip6) = names.launch("db.main")
        for server, by in ((GATEWAY4, "udp"), (GATEWAY4, "tcp"), (GATEWAY6, "udp"), (GATEWAY6, "tcp")):
            assert ask(pid, "db.main.ucr", A, server, by) == (0, [ip4]), (server, by)
            assert ask(pid, "db.main.UCR", AAAA, server, by) == (0, [ip6]), (server, by)
        reverse4 = ".".join(reversed(ip4.split("."))) + ".in-addr.arpa"
        nibbles = socket.inet_pton(socket.AF_INET6, ip6).hex()
        assert ask(pid, reverse4, PTR) == (0, ["db.main.ucr"])
        assert ask(pid, ".".join(reversed(nibbles)) + ".ip6.arpa", PTR) == (0, ["db.main.ucr"])
        assert ask(pid, "none.ucr") == (NO_SUCH_NAME, [])
        assert ask(pid, "200.250.99.10.in-addr.arpa", PTR) == (NO_SUCH_NAME, [])
        assert ask(pid, "web.ucr", 16) == (0, [])
        names.end("db.main")
        assert ask(pid, "db.main.ucr") == (NO_SUCH_NAME, [])
        names.end("web")


def test_who_may_know(work):
    """only those hear of each other that may reach each other; nobody else is answered"""
    with serving(work) as names:
        shared, (shared4, _) = names.launch("shared")
        apart, (apart4, _) = names.launch("apart", "bridge")
        assert ask(apart, "shared.ucr") == (NO_SUCH_NAME, [])
        assert ask(shared, "apart.ucr") == (NO_SUCH_NAME, [])
        assert ask(apart, "apart.ucr") == (0, [apart4])
        assert ask(shared, "shared.ucr") == (0, [shared4])
        reverse = ".".join(reversed(apart4.split("."))) + ".in-addr.arpa"
        assert ask(shared, reverse, PTR) == (NO_SUCH_NAME, [])
        for by in "udp", "tcp":
            assert ask(None, "shared.ucr", by=by) is None
        networks.ip("route", "add", "10.99.0.0/16", "via", networks.HOST4, pid=networks.WORLD.pid)
        try:
            for by in "udp", "tcp":
                assert ask(networks.WORLD.pid, "shared.ucr", by=by) is None
        finally:
            networks.ip("route", "del", "10.99.0.0/16", pid=networks.WORLD.pid)
        names.end("shared", "apart")


def test_other_names(work):
    """what is not ours is asked of the host's name servers, large answers by TCP"""
    with serving(work) as names:
        pid, _ = names.launch("web")
        assert ask(pid, "example.org") == (FAILURE, [])
        with world():
            assert ask(pid, "example.org") == (0, ["198.51.100.7"])
            assert ask(pid, "example.org", by="tcp") == (0, ["198.51.100.7"] * 2000)
            assert ask(pid, "7.100.51.198.in-addr.arpa", PTR)[0] == 0
        names.end("web")


def test_resolv_conf(work):
    """a container is told to ask its gateway where the agent serves names, and as before else"""
    def told(names):
        pid, _ = names.launch("web")
        with open(f"/proc/{pid}/root/etc/resolv.conf", encoding="ascii") as file:
            text = file.read()
        names.end("web")
        return text
    with serving(work) as names:
        assert told(names) == f"nameserver {GATEWAY4}\nsearch example\n"
        result = cli.good("load", "-qi", cli.busybox_archive(), root=names.agent.root)
        out = cli.good("run", "--rm", "--network", "bridge", result.out.split()[-1], "cat",
                       "/etc/resolv.conf", root=names.agent.root).out
        assert out == f"search example\nnameserver {WORLD4}\n", out
    with serving(work, "--no-names") as names:
        assert told(names) == f"search example\nnameserver {WORLD4}\n"
        assert names.helper() is None


def test_ends(work):
    """what is asked while ucr-dns is started again is answered then; also by the next agent"""
    with serving(work) as names:
        pid, (ip4, _) = names.launch("web")
        tap.eventually(names.helper)
        first = names.helper()
        os.kill(first, signal.SIGKILL)
        assert ask(pid, "web.ucr") == (0, [ip4]), names.agent.said()
        assert names.helper() not in (None, first)
        names.agent.end(signal.SIGKILL)
        names.agent.start()
        assert ask(pid, "web.ucr") == (0, [ip4]), names.agent.said()
        names.end("web")


def test_confined(work):
    """it has no capability, no file, and a filter of system calls"""
    with serving(work) as names:
        tap.eventually(names.helper)
        with open(f"/proc/{names.helper()}/status", encoding="ascii") as file:
            status = dict(line.split(":\t", 1) for line in file)
        assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0, status
        assert status["Uid"].split()[0] != "0", status
        if tap.is_sanitized("ucr-dns"):
            raise tap.Skip("built with sanitizers, which cannot work confined")
        assert status["Seccomp"].strip() == "2", status


def test_hostile(work):
    """ten thousand broken questions, and a flood, leave it serving"""
    with serving(work) as names:
        pid, (ip4, _) = names.launch("web")
        tap.eventually(names.helper)
        first = names.helper()
        subprocess.run(["nsenter", "-t", str(pid), "-n", sys.executable, __file__, "--hostile"],
                       check=True, timeout=120)
        tap.eventually(lambda: ask(pid, "web.ucr") == (0, [ip4]))
        assert names.helper() == first, names.agent.said()
        names.end("web")


def hostile():
    choose = random.Random(1)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect((GATEWAY4, 53))
    for _ in range(10000):
        message = bytearray(query("web.ucr", choose.choice((A, AAAA, PTR))))
        for _ in range(choose.randrange(4)):
            message[choose.randrange(len(message))] = choose.randrange(256)
        with contextlib.suppress(OSError):
            sender.send(message[:choose.randrange(len(message) + 1)])
    callers = []
    for _ in range(100):
        with contextlib.suppress(OSError):
            caller = socket.create_connection((GATEWAY4, 53), 1)
            caller.send(bytes(choose.randrange(256) for _ in range(choose.randrange(1, 40))))
            callers.append(caller)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--exchange"]:
        print(exchange(sys.argv[2], sys.argv[3], bytes.fromhex(sys.argv[4])).hex())
    elif sys.argv[1:2] == ["--world"]:
        world_server()
    elif sys.argv[1:2] == ["--hostile"]:
        hostile()
    elif not shutil.which("busybox"):
        print("1..0 # SKIP busybox is not installed")
    else:
        try:
            tap.main(globals())
        finally:
            leave()
