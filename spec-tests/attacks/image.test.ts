/** The image itself: nothing of it can be written and executed, and its stack is data. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { executables } from "../bed/executables.ts";
import { it } from "../bed/it.ts";
import { binDirectory } from "../bed/paths.ts";

/** What programs may do with a segment, elf.h. */
const [PF_X, PF_W] = [1, 2];
const [PT_LOAD, PT_GNU_STACK] = [1, 0x6474e551];

/** The program headers of a 64-bit file, elf.h: their types, and what may be done. */
function segmentsOf(path: string): readonly (readonly [type: number, flags: number])[] {
  const file = readFileSync(path);
  const start = Number(file.readBigUInt64LE(0x20));
  const [size, count] = [file.readUInt16LE(0x36), file.readUInt16LE(0x38)];
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * size;
    return [file.readUInt32LE(at), file.readUInt32LE(at + 4)];
  });
}

it.for(executables().map(({ name }) => name))("no memory of %s is code and data", (name) => {
  const segments = segmentsOf(`${binDirectory}/${name}`);
  const isBoth = (flags: number) => (flags & PF_X) !== 0 && (flags & PF_W) !== 0;
  expect(segments.filter(([type]) => type === PT_LOAD).length).toBeGreaterThan(2);
  expect(segments.filter(([, flags]) => isBoth(flags))).toEqual([]);
  expect(segments.find(([type]) => type === PT_GNU_STACK)?.[1]).toBe(6);
});
