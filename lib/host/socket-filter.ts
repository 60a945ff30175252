/**
 * What a socket receives, as programs of classic BPF: the kernel runs them on each message and keeps
 * from us what is not ours, since a container's network may be busy (linux/filter.h).
 */

import { ETH_P_ARP, ETH_P_IP } from "./packet-socket.ts";

/** An instruction of classic BPF (linux/filter.h): code, where to if true and if false, operand. */
type Instruction = readonly [code: number, yes: number, no: number, operand: number];

/** linux/bpf_common.h: a load from a fixed place, or from one behind the IP header (X). */
const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const LOAD_BYTE = 0x30;
const LOAD_WORD_X = 0x40;
const LOAD_HALF_X = 0x48;
const LOAD_BYTE_X = 0x50;
const LOAD_IP_LENGTH = 0xb1;
const IF_EQUAL = 0x15;
const IF_BITS = 0x45;
const RETURN = 0x06;
/** More bytes than a message has. */
const ALL = 0x40000;

/** Where the parts of a frame begin: 14 bytes of Ethernet, then IP, whose header is X bytes long. */
const ETHERNET = 14;
const UDP = 8;
/** RFC 2131, figure 1: where `chaddr` is. */
const CHADDR = 28;
/** Where a netlink message says its family: behind struct nlmsghdr. */
const NETLINK_FAMILY = 16;
/** Where struct nlmsghdr says whose request it is about. */
const NETLINK_PORT = 12;

/** A filter for what DHCP servers answer to one client: whole UDP datagrams to port 68, with its MAC. */
export function dhcpReplyFilter(mac: Uint8Array): Uint8Array {
  const view = new DataView(mac.buffer, mac.byteOffset, mac.length);
  const message = ETHERNET + UDP;
  const program = allOf([
    load(LOAD_HALF, 12, ETH_P_IP),
    load(LOAD_BYTE, ETHERNET + 9, 17), // UDP
    [
      [LOAD_HALF, 0, 0, ETHERNET + 6],
      [IF_BITS, 0, 0, 0x3fff], // no fragment
      [LOAD_IP_LENGTH, 0, 0, ETHERNET],
    ],
    load(LOAD_HALF_X, ETHERNET + 2, 68),
    load(LOAD_BYTE_X, message, 2), // BOOTREPLY
    load(LOAD_WORD_X, message + CHADDR, view.getUint32(0)),
    load(LOAD_HALF_X, message + CHADDR + 4, view.getUint16(4)),
  ]);
  return encodeFilter(program);
}

/** A filter for ARP by others that names an IPv4 address as the sender's or as the one looked for. */
export function arpFilter(address: Uint8Array): Uint8Array {
  const wanted = new DataView(address.buffer, address.byteOffset, address.length).getUint32(0);
  return encodeFilter([
    [LOAD_HALF, 0, 0, 12],
    [IF_EQUAL, 0, 5, ETH_P_ARP],
    [LOAD_WORD, 0, 0, ETHERNET + 14],
    [IF_EQUAL, 2, 0, wanted],
    [LOAD_WORD, 0, 0, ETHERNET + 24],
    [IF_EQUAL, 0, 1, wanted],
    [RETURN, 0, 0, ALL],
    [RETURN, 0, 0, 0],
  ]);
}

/** A filter for netlink messages of links that leaves out those of one address family. */
export function exceptFamilyFilter(family: number): Uint8Array {
  return encodeFilter([
    [LOAD_BYTE, 0, 0, NETLINK_FAMILY],
    [IF_EQUAL, 1, 0, family],
    [RETURN, 0, 0, ALL],
    [RETURN, 0, 0, 0],
  ]);
}

/** A filter for netlink messages that leaves out those about what one socket, by its port, has asked. */
export function exceptPortFilter(port: number): Uint8Array {
  return encodeFilter([
    [LOAD_WORD, 0, 0, NETLINK_PORT],
    [IF_EQUAL, 1, 0, swapped(port)],
    [RETURN, 0, 0, ALL],
    [RETURN, 0, 0, 0],
  ]);
}

/** Words are loaded as big-endian, whatever the machine. */
function swapped(value: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, value, true);
  return view.getUint32(0);
}

/** What passes all tests is received whole; what fails one goes to the last instruction: dropped. */
function allOf(steps: readonly (readonly Instruction[])[]): readonly Instruction[] {
  const program = steps.flat();
  const drop = program.length + 1;
  const resolved = program.map(([code, yes, no, operand], i): Instruction => {
    if (code === IF_EQUAL) return [code, 0, drop - i - 1, operand];
    return code === IF_BITS ? [code, drop - i - 1, 0, operand] : [code, yes, no, operand];
  });
  return [...resolved, [RETURN, 0, 0, ALL], [RETURN, 0, 0, 0]];
}

/** A test: what is loaded from a place has to be a value. */
function load(code: number, at: number, value: number): readonly Instruction[] {
  return [
    [code, 0, 0, at],
    [IF_EQUAL, 0, 0, value],
  ];
}

/** struct sock_filter for each instruction. */
function encodeFilter(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(8 * program.length);
  const view = new DataView(bytes.buffer);
  program.forEach(([code, yes, no, operand], i) => {
    view.setUint16(8 * i, code, true);
    view.setUint8(8 * i + 2, yes);
    view.setUint8(8 * i + 3, no);
    view.setUint32(8 * i + 4, operand, true);
  });
  return bytes;
}
