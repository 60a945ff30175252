# A DHCP server for tests: it does what a file tells it to do, and writes down what it hears.
#   dhcp-server.py LINK ADDRESS FOLDER
# FOLDER/rules is JSON, read anew for each message: lease, silent, nak, address, options (code: hex),
# noise (true: before each answer come messages that are damaged, or lie).
# FOLDER/heard has a line of JSON for each message. Addresses are given by client identifier.
import json, os, signal, socket, struct, sys

link, own, folder = sys.argv[1:]
signal.alarm(3600)
NAMES = {1: "discover", 3: "request", 4: "decline", 7: "release", 8: "inform"}
OFFER, ACK, NAK = 2, 5, 6
MAGIC = b"\x63\x82\x53\x63"
given = {}


def rules():
    with open(folder + "/rules") as file:
        return json.load(file)


def read_options(data):
    options, at = {}, 0
    while at + 1 < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        code, length = data[at], data[at + 1]
        options[code] = options.get(code, b"") + data[at + 2 : at + 2 + length]
        at += 2 + length
    return options


def write_options(options):
    parts = [bytes([code, len(value)]) + value for code, value in options.items()]
    return MAGIC + b"".join(parts) + b"\xff"


def text(value):
    return socket.inet_ntoa(value) if value and len(value) == 4 else ""


def address_of(client, now):
    if "address" in now:
        return socket.inet_aton(now["address"])
    if client not in given:
        (first,) = struct.unpack(">I", socket.inet_aton(own))
        given[client] = struct.pack(">I", first + 9 + len(given))
    return given[client]


def note(message, options, source):
    line = {
        "message": NAMES.get(options.get(53, b"\0")[0], "other"),
        "id": options.get(61, b"").hex(),
        "host": options.get(12, b"").decode(),
        "asked": list(options.get(55, b"")),
        "requested": text(options.get(50)),
        "server": text(options.get(54)),
        "ciaddr": text(message[12:16]),
        "broadcast": message[10] >> 7 == 1,
        "from": source,
    }
    with open(folder + "/heard", "ab", buffering=0) as file:
        file.write(json.dumps(line).encode() + b"\n")
    return line


def answer(kind, message, address, now):
    server = socket.inet_aton(own)
    options = {53: bytes([kind]), 54: server}
    if kind != NAK:
        options[51] = struct.pack(">I", now.get("lease", 3600))
        options[1] = b"\xff\xff\xff\0"
        options[3] = server
        for code, value in now.get("options", {}).items():
            options.pop(int(code), None)
            if value is not None:
                options[int(code)] = bytes.fromhex(value)
    head = bytearray(message[:236])
    head[0] = 2
    head[12:16] = bytes(4)
    head[16:20] = address if kind != NAK else bytes(4)
    head[20:24] = server
    sock.sendto(bytes(head) + write_options(options), ("255.255.255.255", 68))


def noise(kind, message, address):
    """What a broken or hostile neighbour may send to the same client, with the right transaction."""
    head = bytearray(message[:236])
    head[0] = 2
    head[16:20] = address
    right = bytes(head)
    lies = [
        b"",
        b"\xff",
        b"\x35\x01",
        b"\x35\xff\x05",
        b"\x35\x01\x05" + b"\x36\x04\x0a",
        b"\x35\x01\x05\x36\x04\0\0\0\0\xff",
        b"\x35\x01\x05\x36\x04\x0a\x4d\0\x63\x33\x04\0\0\0\0\x01\x04\xff\xff\xff\0\xff",
        b"\x35\x01" + bytes([kind]) + b"\x36\x04\xff\xff\xff\xff\xff",
        b"\x34\x01\x03\x35\x01\x05",
        b"\x79\xff" * 120,
        b"\x0c\x01a" * 400,
    ]
    messages = [right + MAGIC + lie for lie in lies]
    messages += [right[:n] for n in (0, 1, 28, 235)] + [right + b"\x63\x82\x53", right + bytes(300)]
    other = bytearray(right)
    other[4] ^= 1
    messages.append(bytes(other) + MAGIC + b"\x35\x01\x06\x36\x04\x0a\x4d\0\x01\xff")
    for data in messages:
        sock.sendto(data, ("255.255.255.255", 68))


def serve(message, source):
    if len(message) < 240 or message[236:240] != MAGIC:
        return
    options = read_options(message[240:])
    heard = note(message, options, source)
    now = rules()
    if now.get("silent"):
        return
    address = address_of(options.get(61, message[28:34]), now)
    if now.get("noise"):
        noise(OFFER if heard["message"] == "discover" else ACK, message, address)
    if heard["message"] == "discover":
        answer(OFFER, message, address, now)
    elif heard["message"] == "request" and heard["server"] in ("", own):
        wanted = heard["requested"] or heard["ciaddr"]
        refused = now.get("nak") or wanted != text(address)
        answer(NAK if refused else ACK, message, address, now)


sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
sock.bind(("", 67))
open(folder + "/ready", "w").close()
while True:
    serve(*[part if i == 0 else part[0] for i, part in enumerate(sock.recvfrom(4096))])
