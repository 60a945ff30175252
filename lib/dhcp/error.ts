/** What cannot be used of what came from the wire, in words of its own. */

/** Bytes that are no message, or a message that makes no lease. */
export class DhcpError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DhcpError";
  }
}
