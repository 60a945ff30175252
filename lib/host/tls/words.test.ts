/** Words of TLS: each failure says what is wrong, and what to do where one cause dominates. */
import { describe, expect, it } from "vitest";
import type { Certificate } from "./certificate.ts";
import { describeFault, describeNames, type TlsFault } from "./words.ts";

const year = (y: number) => ({ at: Date.UTC(y), text: `${y}-01-01T00:00:00Z` });
const certificate: Certificate = {
  subject: "db",
  issuer: "etcd-ca",
  notBefore: year(2020),
  notAfter: year(2030),
  dnsNames: ["a.example"],
  addresses: [Uint8Array.of(192, 0, 2, 7)],
  isForServers: true,
};
const fault: TlsFault = {
  error: 0,
  shown: [certificate],
  name: "192.0.2.1",
  hasCertificate: false,
  isAsked: false,
  skipped: 0,
  now: Date.UTC(2026),
};

describe("a failure of TLS", () => {
  it.each([
    [54, { now: Date.UTC(2031) }, "its certificate has expired on 2030-01-01T00:00:00Z"],
    [
      54,
      { now: Date.UTC(2019) },
      /^its certificate is valid from 2020-01-01T00:00:00Z on, is this host's clock/,
    ],
    [54, { shown: [] }, "its certificate has expired, or is not valid yet"],
    [56, {}, "its certificate is not for 192.0.2.1, but for a.example, 192.0.2.7"],
    [62, {}, /^none of the trusted authorities has signed its certificate, but "etcd-ca"; /],
    [62, { skipped: 2 }, /"etcd-ca" \(2 of them cannot be used/],
    [58, {}, /basicConstraints/],
    [49, {}, /not supported/],
    [33, {}, "its certificate cannot be read (BearSSL error 33)"],
    [3, {}, "it has no TLS 1.2, only something older"],
    [9, {}, "it does not speak TLS"],
    [27, {}, /does not have the key/],
    [5, {}, "its TLS is broken (BearSSL error 5)"],
    [256 + 70, {}, /^it wants TLS 1.3 or newer/],
    [256 + 40, {}, /^it has no cipher or key that is supported/],
    [256 + 42, { isAsked: true }, "it wants a client certificate, and none is given"],
    [256 + 45, { hasCertificate: true }, "it says that our client certificate is expired"],
    [256 + 80, {}, "it refused TLS (alert 80)"],
  ])("BearSSL's %i with %j: %s", (error, more, words) => {
    expect(describeFault({ ...fault, ...more, error })).toMatch(words);
  });

  it("names the certificate of a chain that has expired", () => {
    const old = { ...certificate, subject: "between", notAfter: year(2024) };
    expect(describeFault({ ...fault, error: 54, shown: [certificate, old] })).toBe(
      'the certificate of "between" in its chain has expired on 2024-01-01T00:00:00Z',
    );
  });

  it("does not tell all of very many names", () => {
    const dnsNames = Array.from({ length: 20 }, (_, i) => `n${i}`);
    expect(describeNames({ ...certificate, dnsNames, addresses: [] }, "x")).toMatch(
      /n7 and 12 more$/,
    );
    expect(describeNames({ ...certificate, dnsNames: [], addresses: [] }, "x")).toMatch(
      /but for "db", without alternative names$/,
    );
  });
});
