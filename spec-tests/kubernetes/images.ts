/** The images of a cluster's containers, which are made here: no registry is asked. */
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import type { Bed } from "../bed/bed.ts";
import { binDirectory, kubernetesFolder } from "../bed/paths.ts";
import { boxImage, makeBoxImage, makeBusyboxImage } from "../runtimes/box.ts";
import { makeImage } from "../runtimes/tools.ts";

/** An image: its full name, as containerd has it, and its file in a bed. */
export interface Image {
  readonly name: string;
  fileIn(bed: Bed): string;
}

/** The one that the manifest names. */
const weftImage = "docker.io/library/weft:0.1.0";
const pauseImage = "weft.example/pause:1";

/** What holds a pod's namespaces; what answers in it; and weft, as deploy/Dockerfile makes it. */
export const images: Readonly<Record<"pause" | "box" | "weft", Image>> = {
  pause: image(pauseImage, (folder) =>
    makeBusyboxImage(folder, { name: pauseImage, entrypoint: ["/bin/busybox", "sleep", "inf"] }),
  ),
  box: image(boxImage, makeBoxImage),
  weft: image(weftImage, (folder) => {
    const files = `${folder}/weft`;
    mkdirSync(`${files}/usr/bin`, { recursive: true });
    copyFileSync(`${binDirectory}/weft`, `${files}/usr/bin/weft`);
    const layer = { folder: files, paths: ["."] };
    return makeImage({
      name: weftImage,
      entrypoint: ["/usr/bin/weft"],
      file: `${folder}/weft.tar`,
      layer,
    });
  }),
};

/** The one that Kubernetes' own tests name; of its programs there is the one that they start in pods. */
const agnhostImage = "registry.k8s.io/e2e-test-images/agnhost:2.56";
export const dnsImage = "weft.example/coredns:1";

/** Images that few tests need; they give them to the nodes. */
export const rareImages: Readonly<Record<"agnhost" | "coredns", Image>> = {
  agnhost: ofProgram(agnhostImage, "agnhost"),
  coredns: ofProgram(dnsImage, "coredns"),
};

/** One with nothing but a program of tools/kubernetes in it. */
function ofProgram(name: string, program: string): Image {
  return image(name, (folder) => {
    const layer = { folder: kubernetesFolder, paths: [program] };
    const file = `${folder}/${program}.tar`;
    return makeImage({ name, entrypoint: [`/${program}`], file, layer });
  });
}

function image(name: string, make: (folder: string) => string): Image {
  return {
    name,
    fileIn(bed) {
      const folder = bed.folder("images");
      const file = `${folder}/${name.replaceAll("/", "-")}.made`;
      if (!existsSync(bed.path(file))) copyFileSync(make(bed.path(folder)), bed.path(file));
      return file;
    },
  };
}
