// A bill of materials in the form of CycloneDX 1.5: what is in an image, and what it was made with.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run, timestamp } from "./tools.mjs";

/** What makes the bytes: the same of these and the same sources are the same bytes. */
const MAKERS = ["gcc", "ld", "node", "tar", "gzip", "xz", "dpkg-deb", "umoci"];

/** The bill of one architecture, as an object. */
export function bomOf({ root, dist, version, description, architecture, content, seconds }) {
  const image = readFileSync(join(dist, "bin/weft"));
  const digest = createHash("sha256").update(image).digest("hex");
  const reference = `pkg:generic/weft@${version}?arch=${architecture}`;
  const bom = {
    $schema: "http://cyclonedx.org/schema/bom-1.5.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: {
      timestamp: timestamp(seconds),
      lifecycles: [{ phase: "build" }],
      tools: { components: makers(root) },
      component: {
        type: "application",
        "bom-ref": reference,
        name: "weft",
        version,
        description,
        hashes: [{ alg: "SHA-256", content: digest }],
        licenses: [{ license: { id: "Apache-2.0" } }],
        purl: reference,
      },
    },
    components: content.map(componentOf),
    dependencies: [
      { ref: reference, dependsOn: content.map(({ purl }) => purl) },
      ...content.map(({ purl }) => ({ ref: purl })),
    ],
  };
  return { ...bom, serialNumber: `urn:uuid:${uuidOf(JSON.stringify(bom))}` };
}

function componentOf({ name, version, license, purpose, purl, integrity, resolved }) {
  return {
    type: "library",
    "bom-ref": purl,
    name,
    version,
    description: purpose,
    scope: "required",
    hashes: hashesOf(integrity),
    licenses: [license.includes(" ") ? { expression: license } : { license: { id: license } }],
    purl,
    externalReferences: resolved && [
      {
        type: "distribution",
        url: `https://registry.npmjs.org/${new URL(resolved).pathname.slice(1)}`,
      },
    ],
  };
}

/** "sha512-<base64>", as package-lock.json has it. */
function hashesOf(integrity) {
  if (!integrity) return undefined;
  const content = Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
  return [{ alg: "SHA-512", content }];
}

function makers(root) {
  const programs = MAKERS.map((name) => {
    const [line = ""] = run(name, ["--version"]).toString().split("\n");
    return { type: "application", name, version: /\d+(\.\d+)+\S*/.exec(line)?.[0] ?? line };
  });
  const { version } = JSON.parse(
    readFileSync(join(root, "node_modules/esbuild/package.json"), "utf8"),
  );
  return [...programs, { type: "application", name: "esbuild", version }];
}

/** A UUID of version 8 that a text alone decides. */
function uuidOf(text) {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = (bytes[6] & 0x0f) | 0x80;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
