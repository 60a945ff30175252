/** Files of certificates and keys: what the library takes of them, and what is said of those it does not. */
import { expect, it, vi } from "vitest";
import type { TlsTarget } from "../stream.ts";
import { openingFailure, readCredentials } from "./credentials.ts";

const kernel = vi.hoisted(() => ({ variables: new Map<string, string>() }));
vi.mock("host", () => ({ getenv: (name: string) => kernel.variables.get(name) }));
vi.mock("../file.ts", () => ({
  readTextIfPresent: (path: string) => (path === "/ca.pem" ? block("CERTIFICATE", 9) : undefined),
}));

/** A block of one byte. */
const block = (label: string, byte: number) =>
  `-----BEGIN ${label}-----\n${Buffer.from([byte]).toString("base64")}\n-----END ${label}-----\n`;
const CA = block("CERTIFICATE", 1);
const CHAIN = `of weft\n${block("CERTIFICATE", 2)}${block("X509 CERTIFICATE", 3)}`;
const KEY = block("EC PRIVATE KEY", 4);

const bytes = (target: TlsTarget) => {
  const { authorities, certificates, key } = readCredentials(target);
  return [authorities, certificates, key].map((each) => [...each]);
};

it("are joined, and a key is found beside other things", () => {
  const parameters = block("EC PARAMETERS", 8);
  expect(bytes({ authorities: CA + CA, certificate: CHAIN + KEY, key: parameters + KEY })).toEqual([
    [1, 1],
    [2, 3],
    [4],
  ]);
  expect(bytes({ authorities: CA })).toEqual([[1], [], []]);
});

it("are those of this host where none are given, and none where nobody is verified", () => {
  expect(() => bytes({})).toThrow(/no authorities are given, and this host has none in \/etc\//);
  kernel.variables.set("SSL_CERT_FILE", "/ca.pem");
  expect(bytes({})).toEqual([[9], [], []]);
  expect(bytes({ authorities: "no PEM", isUnverified: true })).toEqual([[], [], []]);
});

it.each([
  [{ certificate: CHAIN }, "the client certificate: its certificate and its key belong together"],
  [{ key: KEY }, "the client certificate: its certificate and its key belong together"],
  [{ authorities: "" }, 'the authorities: there is no "-----BEGIN CERTIFICATE-----" in it'],
  [{ authorities: KEY }, 'the authorities: there is no "-----BEGIN CERTIFICATE-----" in it'],
  [
    { certificate: KEY, key: KEY },
    'the client certificate: there is no "-----BEGIN CERTIFICATE-----" in it',
  ],
  [
    { certificate: CHAIN, key: CHAIN },
    'the client\'s key: there is no "-----BEGIN PRIVATE KEY-----" in it',
  ],
  [
    { certificate: CHAIN, key: block("ENCRYPTED PRIVATE KEY", 4) },
    "the client's key: its key is encrypted, give one that is not",
  ],
])("that cannot be used are named, with nothing of what is in them: %j", (target, words) => {
  expect(() => bytes({ authorities: CA, ...target })).toThrow(`Cannot use ${words}`);
});

it("that the library does not take have words", () => {
  expect(openingFailure(-4).message).toBe(
    "Cannot use the client's key: it is the key of another certificate",
  );
  expect(openingFailure(-99).message).toBe("Cannot use TLS: it is refused (-99)");
});
