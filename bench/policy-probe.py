"""Connections of a pod, for bench/policy-beside.mjs: each line of the input is a job, each answer a line of JSON.

until ADDRESS PORT    new connections until one is answered: the time of that, since the epoch, in seconds
connect ADDRESS PORT COUNT    how long each of so many new connections took, in microseconds
"""
import json
import socket
import sys
import time


def connect(address, port, timeout):
    with socket.socket() as connection:
        connection.settimeout(timeout)
        begun = time.perf_counter()
        connection.connect((address, port))
        return (time.perf_counter() - begun) * 1e6


def until(address, port):
    payload = b"?"
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as flow:
            flow.settimeout(0.002)
            flow.sendto(payload, (address, port))
            try:
                flow.recv(16)
                return time.time()
            except OSError:
                pass


for line in sys.stdin:
    job, address, port, *rest = line.split()
    if job == "until":
        answer = until(address, int(port))
    else:
        answer = [connect(address, int(port), 10) for _ in range(int(rest[0]))]
    print(json.dumps(answer), flush=True)
