/**
 * The module "codec": values to bytes and back by layouts, in C (codec.c, layout.c, layout-read.c,
 * layout-write.c). What is refused is thrown as a text. No function makes a system call.
 */
declare module "codec" {
  /** What C has made of a layout. */
  export type Program = object & { readonly __program: never };

  /** The program of a layout, which is plain data; layouts that are in it have theirs already. */
  export function layout(data: object): Program;
  /** Tells a recursive layout which one it stands for. */
  export function resolve(recursive: Program, layout: Program): void;
  /** Bytes from `at` to `end`. */
  export interface Span {
    readonly bytes: Uint8Array;
    readonly at: number;
    readonly end: number;
  }

  /** The value that some bytes are. */
  export function read(program: Program, span: Span): unknown;
  export function write(program: Program, value: unknown): Uint8Array<ArrayBuffer>;
  /**
   * Requests (`type`, `flags`, `codec`, `value`) as one datagram of netlink: the first one's number, and
   * the index of that which asks for an acknowledgement.
   */
  export function requests(
    requests: readonly object[],
    firstSequence: number,
    acknowledged: number,
  ): Uint8Array<ArrayBuffer>;
  /**
   * The messages in the first bytes of a datagram, six numbers each: type, flags, sequence, port, and
   * where the body begins and ends.
   */
  export function heads(datagram: Uint8Array, size: number): number[];
  /** An IP address as a packed text behind its length; undefined if a text is none, or IPv4 in IPv6. */
  export function packAddress(text: string): string | undefined;
  /** A network without host bits: its address behind its length, and its prefix length; or undefined. */
  export function packSubnet(text: string): string | undefined;
  /** How many bits two packed texts begin with in common. */
  export function commonBits(a: string, b: string): number;
}
