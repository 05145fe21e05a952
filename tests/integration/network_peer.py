#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One end of a conversation, run in some network namespace:

serve tcp|udp PORT NAME    answers each caller with NAME and the address he comes from
ask tcp|udp HOST PORT      prints the answer, "refused" or "timeout"
frame INTERFACE HEX...     sends Ethernet frames as they stand
sink PORT SECONDS          prints how many bytes one caller sends in that time
flood HOST PORT            sends by TCP as fast as it can, until nobody listens
"""
import socket
import sys
import time

TYPES = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
PATIENCE = 1.5


def shown(address):
    return address[0].removeprefix("::ffff:")


def serve(kind, port, name):
    server = socket.socket(socket.AF_INET6, TYPES[kind])
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("::", int(port)))
    if kind == "tcp":
        server.listen()
    print("ready", flush=True)
    while True:
        if kind == "tcp":
            caller, address = server.accept()
            caller.sendall(f"{name} {shown(address)}".encode())
            caller.close()
        else:
            _, address = server.recvfrom(100)
            server.sendto(f"{name} {shown(address)}".encode(), address)


def ask(kind, host, port):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    caller = socket.socket(family, TYPES[kind])
    caller.settimeout(PATIENCE)
    try:
        caller.connect((host, int(port)))
        if kind == "udp":
            caller.send(b"?")
        print(caller.recv(200).decode())
    except ConnectionRefusedError:
        print("refused")
    except TimeoutError:
        print("timeout")
    except OSError as error:
        print("timeout" if "No route" in str(error) else str(error))


def frame(interface, *frames):
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind((interface, 0))
    for text in frames:
        sender.send(bytes.fromhex(text))


def sink(port, seconds):
    server = socket.create_server(("", int(port)))
    print("ready", flush=True)
    caller, _ = server.accept()
    caller.recv(1)
    end, total = time.monotonic() + float(seconds), 0
    while time.monotonic() < end:
        total += len(caller.recv(1 << 16))
    print(total)


def flood(host, port):
    caller = socket.create_connection((host, int(port)))
    try:
        while True:
            caller.sendall(bytes(1 << 16))
    except ConnectionError:
        pass


if __name__ == "__main__":
    {"serve": serve, "ask": ask, "frame": frame, "sink": sink, "flood": flood}[sys.argv[1]](*sys.argv[2:])
