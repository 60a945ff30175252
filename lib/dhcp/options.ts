/** DHCP options (RFC 2132) by their codes; parts of a long one are joined (RFC 3396). */
export type Options = ReadonlyMap<number, Uint8Array>;
