/** What the sections of an executable are called and say (linux/elf.h), without executing it. */

import * as host from "host";
import { closeFile, O_NONBLOCK, O_RDONLY, openFile } from "../../lib/host/file.ts";

/** Sizes of Elf64_Ehdr and Elf64_Shdr, and where their members lie. */
const HEADER = { size: 64, sections: 40, count: 60, names: 62 };
const SECTION = { size: 64, name: 0, offset: 24, length: 32 };

/** More than these are not looked at: who wrote the file decides what it says. */
const MOST_SECTIONS = 256;
const LONGEST = 256 << 10;

/** The sections of an open executable by their names. */
export interface Executable {
  readonly sections: readonly string[];
  /** The first bytes of a section; empty if there is none. */
  read(section: string): Uint8Array;
}

/** Calls `body` with the sections of a file; with undefined if it is no 64-bit executable. */
export function withExecutable<T>(path: string, body: (file: Executable | undefined) => T): T {
  const fd = openFile(path, O_RDONLY | O_NONBLOCK);
  try {
    return body(executableIn(fd));
  } finally {
    closeFile(fd);
  }
}

interface Section {
  readonly name: string;
  readonly offset: number;
  readonly length: number;
}

function executableIn(fd: number): Executable | undefined {
  const header = readBytes(fd, 0, HEADER.size);
  const [magic, e, l, f, bits, order] = header;
  const isRight = header.length === HEADER.size && magic === 0x7f && bits === 2 && order === 1;
  if (!isRight || e !== 0x45 || l !== 0x4c || f !== 0x46) return undefined;
  const sections = sectionsIn(fd, viewOf(header));
  return {
    sections: sections.map(({ name }) => name),
    read: (wanted) => {
      const found = sections.find(({ name }) => name === wanted);
      return found ? readBytes(fd, found.offset, found.length) : new Uint8Array(0);
    },
  };
}

function sectionsIn(fd: number, header: DataView): readonly Section[] {
  const count = header.getUint16(HEADER.count, true);
  if (count > MOST_SECTIONS) return [];
  const at = Number(header.getBigUint64(HEADER.sections, true));
  const table = viewOf(readBytes(fd, at, count * SECTION.size));
  const read = Math.floor(table.byteLength / SECTION.size);
  const entries = Array.from({ length: read }, (_, i) => ({
    name: table.getUint32(i * SECTION.size + SECTION.name, true),
    offset: Number(table.getBigUint64(i * SECTION.size + SECTION.offset, true)),
    length: Number(table.getBigUint64(i * SECTION.size + SECTION.length, true)),
  }));
  const strings = entries[header.getUint16(HEADER.names, true)];
  const names = strings ? readBytes(fd, strings.offset, strings.length) : new Uint8Array(0);
  return entries.map((entry) => ({ ...entry, name: textAt(names, entry.name) }));
}

function textAt(bytes: Uint8Array, at: number): string {
  const end = bytes.indexOf(0, at);
  return host.decode(bytes.subarray(at, end < 0 ? at : end)) ?? "";
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** What is there of so many bytes, and no more than `LONGEST`; none at a place that no file has. */
function readBytes(fd: number, at: number, length: number): Uint8Array {
  if (!Number.isSafeInteger(at) || length <= 0) return new Uint8Array(0);
  const bytes = new Uint8Array(Math.min(length, LONGEST));
  return bytes.subarray(0, Math.max(0, host.readAt(fd, bytes, at)));
}
