/** The certificates and keys of a target, from PEM files to what the library takes. */

import { Failure } from "../failure.ts";
import type { TlsTarget } from "../stream.ts";
import { readPem } from "./pem.ts";
import { systemAuthorities } from "./system-authorities.ts";

/** Certificates in DER, one after the other, and a key. */
export interface Credentials {
  readonly authorities: Uint8Array;
  readonly certificates: Uint8Array;
  readonly key: Uint8Array;
}

const NONE = new Uint8Array(0);
const CERTIFICATE = /^(X509 )?CERTIFICATE$/;
const KEY = /^(RSA |EC )?PRIVATE KEY$/;

/** Throws Failure with what is wrong with a file, but nothing of what is in it. */
export function readCredentials(target: TlsTarget): Credentials {
  const { authorities, certificate, key, isUnverified } = target;
  if ((certificate === undefined) !== (key === undefined)) {
    throw unusable("the client certificate", "its certificate and its key belong together");
  }
  return {
    authorities: isUnverified
      ? NONE
      : certificatesOf(authorities ?? systemAuthorities(), "the authorities"),
    certificates:
      certificate === undefined ? NONE : certificatesOf(certificate, "the client certificate"),
    key: key === undefined ? NONE : keyOf(key),
  };
}

function certificatesOf(text: string, what: string): Uint8Array {
  return joined(blocksOf(text, what, CERTIFICATE));
}

function keyOf(text: string): Uint8Array {
  return blocksOf(text, "the client's key", KEY)[0] ?? NONE;
}

function blocksOf(text: string, what: string, label: RegExp): readonly Uint8Array[] {
  const file = readPem(text);
  if ("fault" in file) throw unusable(what, file.fault);
  const found = file.blocks.filter((block) => label.test(block.label));
  const kind = label === KEY ? "PRIVATE KEY" : "CERTIFICATE";
  if (found.length === 0) throw unusable(what, `there is no "-----BEGIN ${kind}-----" in it`);
  return found.map(({ bytes }) => bytes);
}

function unusable(what: string, state: string): Failure {
  return new Failure("unsupported", `Cannot use ${what}: ${state}`);
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** By the number with which host.tlsOpen fails. */
const faults: { readonly [fault: number]: readonly [what: string, state: string] } = {
  [-1]: ["the authorities", "none of their certificates has a key that is supported: RSA, ECDSA"],
  [-2]: [
    "the client certificate",
    "it cannot be read, or its key is not supported: RSA, ECDSA are",
  ],
  [-3]: ["the client's key", "it cannot be read, or is not supported: RSA, ECDSA are"],
  [-4]: ["the client's key", "it is the key of another certificate"],
  [-5]: ["TLS", "there is no memory left"],
};

/** What host.tlsOpen means by its number. */
export function openingFailure(fault: number): Failure {
  const [what, state] = faults[fault] ?? ["TLS", `it is refused (${fault})`];
  return unusable(what, state);
}
