// The image for containers: one layer with the executable, made by umoci, for each architecture in one
// index (OCI image layout 1.0).
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { put, run, tar, timestamp } from "./tools.mjs";

const INDEX = "application/vnd.oci.image.index.v1+json";

/** weft-<version>-oci.tar of all architectures that were built. */
export function makeImage(built, { version, seconds, output, work }) {
  const layout = join(work, "oci");
  run("umoci", ["init", "--layout", layout]);
  for (const one of built) addManifest(layout, one);
  run("umoci", ["gc", "--layout", layout]);
  joinManifests(layout, { built, version });
  const names = ["blobs", "index.json", "oci-layout"];
  tar(join(output, `weft-${version}-oci.tar`), { folder: layout, names, seconds });
}

/** An image of one architecture, which has the architecture's name for a tag. */
function addManifest(
  layout,
  { root, dist, version, description, architecture, licenses, seconds, work },
) {
  const folder = join(work, `layer-${architecture}`);
  put(join(folder, "usr/bin/weft"), { from: join(dist, "bin/weft"), mode: 0o755 });
  put(join(folder, "usr/share/doc/weft/LICENSE"), { from: join(root, "LICENSE") });
  put(join(folder, "usr/share/doc/weft/LICENSES"), { text: licenses });
  tar(`${folder}.tar`, { folder, names: ["usr"], seconds });
  const image = ["--image", `${layout}:${architecture}`];
  const created = timestamp(seconds);
  const history = ["--history.created", created, "--history.created_by", "make release"];
  run("umoci", ["new", ...image]);
  run("umoci", ["raw", "add-layer", ...image, ...history, `${folder}.tar`]);
  const labels = { title: "weft", version, licenses: "Apache-2.0", description };
  const options = Object.entries(labels).flatMap(([name, value]) => [
    "--config.label",
    `org.opencontainers.image.${name}=${value}`,
  ]);
  const platform = ["--os", "linux", "--architecture", architecture];
  const command = ["--config.entrypoint", "/usr/bin/weft", "--config.cmd", "install"];
  const words = [
    ...image,
    "--no-history",
    "--created",
    created,
    ...platform,
    ...command,
    ...options,
  ];
  run("umoci", ["config", ...words]);
}

/** Puts an index in place of the tags: whoever asks for the version gets what his machine runs. */
function joinManifests(layout, { built, version }) {
  const file = join(layout, "index.json");
  const { manifests } = JSON.parse(readFileSync(file, "utf8"));
  const index = {
    schemaVersion: 2,
    mediaType: INDEX,
    manifests: built.map(({ architecture }) => {
      const isOf = ({ annotations }) =>
        annotations["org.opencontainers.image.ref.name"] === architecture;
      const { mediaType, digest, size } = manifests.find(isOf);
      return { mediaType, digest, size, platform: { architecture, os: "linux" } };
    }),
  };
  const bytes = Buffer.from(JSON.stringify(index));
  const digest = createHash("sha256").update(bytes).digest("hex");
  writeFileSync(join(layout, "blobs/sha256", digest), bytes);
  const annotations = {
    "io.containerd.image.name": `docker.io/library/weft:${version}`,
    "org.opencontainers.image.ref.name": version,
  };
  const top = { mediaType: INDEX, digest: `sha256:${digest}`, size: bytes.length, annotations };
  writeFileSync(file, JSON.stringify({ schemaVersion: 2, manifests: [top] }));
}
