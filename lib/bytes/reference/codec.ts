/** The reference interpreter in the place of the module "codec", which is in C (native/codec.d.ts). */

import { CodecError } from "../codec.ts";
import { type Data, type Holder, Input, Output } from "./data.ts";
import * as packed from "./packed.ts";
import { readAs, tooLong } from "./read.ts";
import { writeAs } from "./write.ts";

export const { commonBits, packAddress, packSubnet } = packed;

/** The data is its own program. */
export function layout(data: Data): Data {
  return data;
}

export function resolve(recursive: Data & { readonly kind: "recursive" }, layout: Data): void {
  recursive.layout = layout;
}

export function read(program: Data, { bytes, at, end }: Input): unknown {
  return inWords(() => readAs(program, new Input(bytes, at, end)));
}

export function write(program: Data, value: unknown): Uint8Array {
  return written((out) => writeAs(program, out, value));
}

function written(fill: (out: Output) => void): Uint8Array {
  const out = new Output();
  inWords(() => fill(out));
  return out.bytes().slice();
}

/** A refusal is thrown as its words alone. */
function inWords<T>(body: () => T): T {
  try {
    return body();
  } catch (cause) {
    throw cause instanceof CodecError ? cause.message : cause;
  }
}

interface Request {
  readonly type: number;
  readonly flags: number;
  readonly codec: Holder;
  readonly value: unknown;
}

const HEAD = 16;
const REQUEST = 1;
const ACK = 4;
const DUMP = 0x300;

export function requests(
  requests: readonly Request[],
  firstSequence: number,
  acknowledged: number,
): Uint8Array {
  return written((out) => {
    requests.forEach(({ type, flags, codec, value }, i) => {
      const { at } = out;
      out.room(HEAD);
      writeAs(codec.program, out, value);
      const length = out.at - at;
      const bytes = out.room(-length & 3);
      const head = new DataView(bytes.buffer, bytes.byteOffset + at, HEAD);
      const wantsAck = i === acknowledged && (flags & DUMP) !== DUMP;
      head.setUint32(0, length, true);
      head.setUint16(4, type, true);
      head.setUint16(6, flags | REQUEST | (wantsAck ? ACK : 0), true);
      head.setUint32(8, firstSequence + i, true);
    });
  });
}

export function heads(datagram: Uint8Array, size: number): number[] {
  return inWords(() => {
    const view = new DataView(datagram.buffer, datagram.byteOffset, size);
    const found: number[] = [];
    for (let at = 0; size - at >= HEAD; ) {
      const u16 = (offset: number) => view.getUint16(at + offset, true);
      const u32 = (offset: number) => view.getUint32(at + offset, true);
      const length = u32(0);
      if (length < HEAD || at + length > size) throw tooLong("message", { at, length, end: size });
      found.push(u16(4), u16(6), u32(8), u32(12), at + HEAD, at + length);
      at = Math.min(at + length + (-length & 3), size);
    }
    return found;
  });
}
