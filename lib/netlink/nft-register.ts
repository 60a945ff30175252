/** Registers: where expressions of nf_tables keep values. Numbers from linux/netfilter/nf_tables.h. */

export const NFT_REG_VERDICT = 0;
/** The first of the registers that values pass through; it holds 16 bytes. */
export const NFT_REG_1 = 1;
export const NFT_REG_2 = 2;
export const NFT_REG_4 = 4;
/** The same room as registers of 4 bytes: 8 is the first part of register 1. */
const NFT_REG32_00 = 8;

/** The register of 4 bytes with that index; the kernel has larger names for every fourth. */
export function wordRegister(index: number): number {
  return index % 4 === 0 ? NFT_REG_1 + index / 4 : NFT_REG32_00 + index;
}

/** A number as the kernel keeps it in a register: in the order of this machine. */
export function hostOrder(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
