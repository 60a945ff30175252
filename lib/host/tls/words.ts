/** What went wrong with TLS, in words, and what to do about it. */

import { formatAddress } from "../../ip/address.ts";
import type { Certificate } from "./certificate.ts";

/** What is known of a connection that failed. */
export interface TlsFault {
  /** BearSSL's number: below 256 its own, from 256 on what the other end said (an alert). */
  readonly error: number;
  /** What the other end has shown, its own certificate first. */
  readonly shown: readonly Certificate[];
  /** The name that it should be for. */
  readonly name: string;
  readonly hasCertificate: boolean;
  /** Whether the other end wanted to see one. */
  readonly isAsked: boolean;
  /** So many authorities are of a kind that is not supported. */
  readonly skipped: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** bearssl_ssl.h, bearssl_x509.h */
const UNSUPPORTED_VERSION = 3;
const BAD_VERSION = 4;
const UNKNOWN_TYPE = 9;
const BAD_SIGNATURE = 27;
const CHAIN_UNSUPPORTED = 49;
const CHAIN_BAD_SIGNATURE = 52;
const CHAIN_EXPIRED = 54;
const CHAIN_OTHER_NAME = 56;
const CHAIN_NOT_CA = 58;
const CHAIN_USAGE = 59;
const CHAIN_NOT_TRUSTED = 62;
const FIRST_OF_CHAIN = 32;
const ALERT = 256;

/** The state of a connection, for an error that says `Cannot connect to …: <state>`. */
export function describeFault(fault: TlsFault): string {
  if (fault.error >= ALERT) return describeAlert(fault.error - ALERT, fault);
  if (fault.error >= FIRST_OF_CHAIN) return describeChain(fault);
  if (fault.error === UNSUPPORTED_VERSION || fault.error === BAD_VERSION)
    return "it has no TLS 1.2, only something older";
  if (fault.error === UNKNOWN_TYPE) return "it does not speak TLS";
  if (fault.error === BAD_SIGNATURE) return "it does not have the key of the certificate it shows";
  return `its TLS is broken (BearSSL error ${fault.error})`;
}

function describeChain(fault: TlsFault): string {
  const [own] = fault.shown;
  const issuer = fault.shown.at(-1)?.issuer;
  switch (fault.error) {
    case CHAIN_EXPIRED:
      return describeTime(fault);
    case CHAIN_OTHER_NAME:
      return describeNames(own, fault.name);
    case CHAIN_NOT_TRUSTED:
    case CHAIN_BAD_SIGNATURE:
      return (
        `none of the trusted authorities has signed its certificate, but "${issuer ?? ""}"` +
        `${skippedWords(fault.skipped)}; give that authority's certificate`
      );
    case CHAIN_NOT_CA:
    case CHAIN_USAGE:
      return "a certificate in its chain may not be used for that (basicConstraints, keyUsage)";
    case CHAIN_UNSUPPORTED:
      return "its certificate has a kind of key or signature that is not supported: RSA up to 4096 bits by SHA-2, and ECDSA, are";
    default:
      return `its certificate cannot be read (BearSSL error ${fault.error})`;
  }
}

function skippedWords(skipped: number): string {
  return skipped === 0 ? "" : ` (${skipped} of them cannot be used: RSA and ECDSA can)`;
}

/** Which of them, and since when; the machine's clock is the other thing that may be wrong. */
function describeTime({ shown, now }: TlsFault): string {
  const whose = (certificate: Certificate) =>
    certificate === shown[0]
      ? "its certificate"
      : `the certificate of "${certificate.subject}" in its chain`;
  const old = shown.find(({ notAfter }) => notAfter.at < now);
  if (old) return `${whose(old)} has expired on ${old.notAfter.text}`;
  const early = shown.find(({ notBefore }) => notBefore.at > now);
  if (early)
    return `${whose(early)} is valid from ${early.notBefore.text} on, is this host's clock right?`;
  return "its certificate has expired, or is not valid yet";
}

/** Whom a certificate is for, if not for whom it should be. */
export function describeNames(certificate: Certificate | undefined, name: string): string {
  if (!certificate) return `its certificate is not for ${name}`;
  const { dnsNames, addresses, subject } = certificate;
  const names = [...dnsNames, ...addresses.map(formatAddress)];
  const few = names.slice(0, 8).join(", ");
  const more = names.length > 8 ? ` and ${names.length - 8} more` : "";
  const meant = names.length === 0 ? `"${subject}", without alternative names` : `${few}${more}`;
  return `its certificate is not for ${name}, but for ${meant}`;
}

const PROTOCOL_VERSION = 70;
const HANDSHAKE_FAILURE = 40;
/** What a server says of a client's certificate (RFC 5246, 7.2.2). */
const refusals: { readonly [alert: number]: string } = {
  40: "refused",
  41: "missing",
  42: "not accepted",
  43: "of a kind that it does not know",
  44: "revoked",
  45: "expired",
  46: "not acceptable",
  48: "signed by an authority that it does not know",
  49: "not allowed",
  51: "signed by another key",
  116: "missing",
};

function describeAlert(alert: number, { shown, isAsked, hasCertificate }: TlsFault): string {
  const refusal = refusals[alert];
  if (alert === PROTOCOL_VERSION)
    return "it wants TLS 1.3 or newer, and 1.2 is what there is: let it allow TLS 1.2 (tls-min-version)";
  if (refusal !== undefined && isAsked && !hasCertificate)
    return "it wants a client certificate, and none is given";
  if (refusal !== undefined && shown.length > 0 && hasCertificate)
    return `it says that our client certificate is ${refusal}`;
  if (alert === HANDSHAKE_FAILURE)
    return "it has no cipher or key that is supported: ECDHE with AES-GCM or ChaCha20, RSA or ECDSA, TLS 1.2";
  return `it refused TLS (alert ${alert})`;
}
