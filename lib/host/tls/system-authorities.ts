/** The authorities that this host trusts, for whoever names none of his own. */

import * as host from "host";
import { Failure } from "../failure.ts";
import { readTextIfPresent } from "../file.ts";

/** Debian, Ubuntu; Fedora, RHEL; openSUSE; what others have. The first that is there counts. */
const PLACES = [
  "/etc/ssl/certs/ca-certificates.crt",
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
  "/etc/pki/tls/certs/ca-bundle.crt",
  "/etc/ssl/ca-bundle.pem",
  "/etc/ssl/cert.pem",
];

/** Their certificates as PEM; of the file that SSL_CERT_FILE names, if it names one. Throws Failure. */
export function systemAuthorities(): string {
  const named = host.getenv("SSL_CERT_FILE");
  const places = named ? [named] : PLACES;
  for (const place of places) {
    const text = readTextIfPresent(place);
    if (text !== undefined && text !== "") return text;
  }
  const state = `no authorities are given, and this host has none in ${places.join(", ")}`;
  const advice = "give a file with their certificates, or install the package ca-certificates";
  throw new Failure("unsupported", `Cannot verify the other end: ${state}: ${advice}`);
}
