/** Certificates that openssl has made are read as openssl does; what is mutated never throws. */
import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { formatAddress } from "../../ip/address.ts";
import { type Certificate, readCertificates } from "./certificate.ts";
import { readElement, Tag, timeOf } from "./der.ts";
import { readPem } from "./pem.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "weft-certificate-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A certificate that signs itself, with these extensions, as DER. */
function make(...extensions: readonly string[]): Uint8Array {
  const file = join(folder, "x.pem");
  const added = extensions.flatMap((extension) => ["-addext", extension]);
  const options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const name = ["-subj", "/O=weft/CN=db 1", "-days", "30", "-keyout", join(folder, "x.key")];
  execFileSync("openssl", ["req", "-x509", ...options, ...name, ...added, "-out", file], {
    stdio: "ignore",
  });
  const pem = readPem(readFileSync(file, "utf8"));
  return "blocks" in pem ? (pem.blocks[0]?.bytes ?? new Uint8Array(0)) : new Uint8Array(0);
}

function read(der: Uint8Array): Certificate | undefined {
  return readCertificates(der)[0];
}

/** Undefined if openssl does not read it at all: no more does BearSSL, which comes first. */
function addressesByOpenssl(der: Uint8Array): readonly string[] | undefined {
  try {
    const names = new X509Certificate(der).subjectAltName ?? "";
    return names.split(", ").filter((name) => name.startsWith("IP Address:"));
  } catch {
    return undefined;
  }
}

const NAMES = "subjectAltName=DNS:a.example,DNS:*.b.example,IP:192.0.2.7,IP:2001:db8::1,URI:x:y";

describe("a certificate", () => {
  it("is read as others read it", () => {
    const der = make(NAMES);
    const certificate = read(der) as Certificate;
    const others = new X509Certificate(der);
    expect(certificate.subject).toBe("db 1");
    expect(certificate.issuer).toBe("db 1");
    expect(certificate.dnsNames).toEqual(["a.example", "*.b.example"]);
    expect(certificate.addresses.map(formatAddress)).toEqual(["192.0.2.7", "2001:db8::1"]);
    expect(certificate.notBefore.at).toBe(Date.parse(others.validFrom));
    expect(certificate.notAfter.at).toBe(Date.parse(others.validTo));
    expect(new Date(certificate.notAfter.at).toISOString().replace(".000", "")).toBe(
      certificate.notAfter.text,
    );
  });

  it.each([
    [[], true],
    [["extendedKeyUsage=clientAuth"], false],
    [["extendedKeyUsage=serverAuth"], true],
    [["extendedKeyUsage=critical,clientAuth,serverAuth"], true],
    [["extendedKeyUsage=anyExtendedKeyUsage"], true],
    [["extendedKeyUsage=codeSigning,1.3.6.1.5.5.7.3.1.1"], false],
  ])("with %j is one of a server: %j", (extensions, isForServers) => {
    expect(read(make(...extensions))?.isForServers).toBe(isForServers);
  });

  it("may follow another", () => {
    const [a, b] = [make(NAMES), make()];
    const both = readCertificates(Uint8Array.of(...a, ...b));
    expect(both.map(({ dnsNames }) => dnsNames.length)).toEqual([2, 0]);
    expect(readCertificates(Uint8Array.of(...a, ...b.subarray(1)))).toHaveLength(1);
  });

  it("is none if anything is left, or missing", () => {
    const der = make(NAMES);
    for (let length = 0; length < der.length; length++) {
      expect(readCertificates(der.subarray(0, length))).toEqual([]);
    }
  });

  it("never throws, and is for no address that openssl does not find", () => {
    const der = make(NAMES);
    const change = fc.tuple(fc.nat(der.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const changed = der.slice();
        for (const [at, byte] of changes) changed[at] = byte;
        const found = read(changed)?.addresses ?? [];
        expect(addressesByOpenssl(changed)?.length ?? found.length).toBeGreaterThanOrEqual(
          found.length,
        );
      }),
      { numRuns: 1000 },
    );
  });
});

it("anything at all is no certificate, and no exception", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(readCertificates(bytes)).toEqual([]);
    }),
  );
});

describe("an element of DER", () => {
  it.each([
    ["no length", [0x30]],
    ["more than there is", [0x30, 2, 1]],
    ["an indefinite length", [0x30, 0x80, 0, 0]],
    ["a length of too many bytes", [0x30, 0x81, 1, 0]],
    ["a length that begins with 0", [0x30, 0x82, 0, 200, ...new Array<number>(200).fill(0)]],
    ["a length of four bytes", [0x30, 0x84, 0, 0, 0, 1, 0]],
    ["a tag of several bytes", [0x1f, 0x81, 1, 0]],
  ])("is none with %s", (_, bytes) => {
    expect(readElement(Uint8Array.from(bytes))).toBeUndefined();
  });
});

describe("a time", () => {
  const time = (tag: number, text: string) => timeOf({ tag, content: Buffer.from(text) });

  it("is read as the calendar has it", () => {
    const dates = fc.date({
      min: new Date("0001-01-01T00:00:00Z"),
      max: new Date("9999-12-31T23:59:59Z"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(dates, (date) => {
        const text = date.toISOString().replace(/\.\d+/, "");
        const at = Date.parse(text);
        const moment = time(Tag.generalizedTime, text.replace(/[-:T]/g, ""));
        expect(moment).toEqual({ at, text });
      }),
    );
  });

  it("has two digits for a year of this century, or of the last", () => {
    expect(time(Tag.utcTime, "491231235959Z")?.text).toBe("2049-12-31T23:59:59Z");
    expect(time(Tag.utcTime, "500101000000Z")?.text).toBe("1950-01-01T00:00:00Z");
  });

  it.each(["20230229000000Z", "20231301000000Z", "20230100000000Z", "20230101240000Z", "2023", ""])(
    "is none: %s",
    (text) => {
      expect(time(Tag.generalizedTime, text)).toBeUndefined();
    },
  );
});
