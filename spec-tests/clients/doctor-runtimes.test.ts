/** `weft doctor` of runtimes: which networks and plugins they would take, and what is wrong with these. */
import { describe, expect } from "vitest";
import { it } from "../bed/it.ts";
import { needs } from "../bed/kernel.ts";
import { Node } from "../bed/node.ts";

const ipam = { type: "host-local", subnet: "10.251.40.0/24" };
const gateway = { type: "bridge", bridge: "cni9", isGateway: true, ipMasq: true, ipam };

/** What containerd's configuration says of plugins, in the layout of a version. */
function containerdConfig(version: number, lines: string): string {
  const section = version === 2 ? "io.containerd.grpc.v1.cri" : "io.containerd.cri.v1.runtime";
  return `version = ${version}\n[plugins."${section}".cni]\n${lines}\n`;
}

describe("the files that containerd would run", () => {
  it.for([
    ["the old layout", 2, (dirs: string) => `bin_dir = "${dirs}"`],
    ["the new layout", 3, (dirs: string) => `bin_dirs = ["${dirs}"]`],
    ["the new layout with the old key", 3, (dirs: string) => `bin_dir = '${dirs}'`],
  ] as const)("are found by %s", ([, version, line], { bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    node.runtime("containerd");
    node.file("/etc/containerd/config.toml", containerdConfig(version, line(bed.bin)));
    expect(node.findings()).toEqual([]);
    node.file("/etc/containerd/config.toml", containerdConfig(version, line("/var/lib/nowhere")));
    expect(node.of("plugin-missing")).toMatchObject([
      {
        level: "error",
        finding:
          'containerd finds no plugin "bridge", "host-local", "loopback" in /var/lib/nowhere, and cannot attach',
        advice: expect.stringContaining("/etc/containerd/config.toml"),
      },
    ]);
  });

  it("are found by what it imports, which counts more", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    node.runtime("containerd");
    const lines = `imports = ["conf.d/*.toml"]\n${containerdConfig(2, 'bin_dir = "/var/lib/no"')}`;
    node.file("/etc/containerd/config.toml", lines);
    expect(node.of("plugin-missing")).toHaveLength(1);
    node.file("/etc/containerd/conf.d/10.toml", containerdConfig(2, `bin_dir = "${bed.bin}"`));
    expect(node.findings()).toEqual([]);
    node.file("/etc/containerd/conf.d/20.other", containerdConfig(2, 'bin_dir = "/var/lib/no"'));
    expect(node.findings()).toEqual([]);
  });

  it("are in /opt/cni/bin where it is told of no other place", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [{ type: "nonesuch" }] });
    node.runtime("containerd");
    expect(node.of("plugin-missing")).toMatchObject([
      {
        finding: expect.stringContaining(" in /opt/cni/bin, "),
        advice: expect.stringContaining("the configuration of containerd"),
      },
    ]);
  });

  it("are those of several directories, and of files that are merged, in the new layout", ({
    bed,
  }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    node.runtime("containerd");
    const first = `imports = ["/etc/containerd/more.toml"]\n${containerdConfig(3, 'bin_dirs = ["/var/lib/no"]')}`;
    node.file("/etc/containerd/config.toml", first);
    expect(node.of("plugin-missing")).toHaveLength(1);
    node.file("/etc/containerd/more.toml", containerdConfig(3, `bin_dirs = ["${bed.bin}"]`));
    expect(node.findings()).toEqual([]);
  });

  it("are those of the one that k3s has", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    const path = "/var/lib/rancher/k3s/agent/etc/containerd/config.toml";
    node.file(path, containerdConfig(2, 'bin_dir = "/var/lib/no"'));
    expect(node.of("plugin-missing")).toMatchObject([
      { finding: expect.stringMatching(/^containerd of k3s finds no plugin/) },
    ]);
  });

  it("are none where its part for Kubernetes is turned off", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    node.runtime("containerd");
    node.file("/etc/containerd/config.toml", 'disabled_plugins = ["cri"]\n');
    expect(node.findings()).toEqual([]);
  });

  it("are not told by a configuration that cannot be read", ({ bed }) => {
    const node = new Node(bed);
    node.runtime("containerd");
    node.file("/etc/containerd/config.toml", "version = 2\n[plugins\n");
    expect(node.of("runtime-config")).toMatchObject([
      { level: "warning", finding: expect.stringContaining("line 2") },
    ]);
  });

  it("may be somebody else's, all or some of them", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway, { type: "portmap", capabilities: { portMappings: true } }] });
    node.runtime("containerd");
    const folder = "/var/lib/plugins";
    node.file("/etc/containerd/config.toml", containerdConfig(2, `bin_dir = "${folder}"`));
    const said = "path\tgithub.com/containernetworking/plugins/plugins/main/bridge\n";
    for (const name of ["bridge", "host-local", "loopback"])
      node.goProgram(`${folder}/${name}`, said);
    node.file(`${folder}/portmap`, "#!/bin/sh\ntouch /tmp/was-run\n");
    bed.host.sh(`chmod 755 ${folder}/*`);
    expect(node.of("plugin-other")).toMatchObject([
      {
        level: "note",
        finding: `containerd runs ${folder}/bridge, ${folder}/host-local, ${folder}/loopback of the reference plugins and ${folder}/portmap of unknown origin, and no plugin of this suite`,
      },
    ]);
    bed.host.sh(`cp ${bed.bin}/bridge ${folder}/bridge`);
    expect(node.of("plugin-other")).toMatchObject([{ level: "warning" }]);
    expect(bed.list("/tmp")).not.toContain("was-run");
    bed.host.sh(
      `for name in host-local loopback portmap; do cp ${bed.bin}/bridge ${folder}/$name; done`,
    );
    expect(node.findings()).toEqual([]);
    bed.host.sh(`printf more >>${folder}/bridge; chmod 644 ${folder}/portmap`);
    expect(node.findings()).toMatchObject([
      { id: "plugin-not-executable", advice: `Run: chmod 755 ${folder}/portmap` },
      { id: "plugin-build", level: "note" },
    ]);
  });

  it("may be damaged, or no executables at all", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway, { type: "firewall" }] });
    node.runtime("containerd");
    const folder = "/var/lib/plugins";
    node.file("/etc/containerd/config.toml", containerdConfig(2, `bin_dir = "${folder}"`));
    bed.host.sh(`mkdir -p ${folder}/loopback; cd ${folder}
      : >bridge
      head -c 100 ${bed.bin}/bridge >host-local
      { head -c 40 ${bed.bin}/bridge; head -c 400 /dev/zero | tr '\\0' '\\377'; } >firewall
      chmod 755 bridge host-local firewall`);
    expect(node.findings()).toMatchObject([
      { id: "plugin-missing", finding: expect.stringContaining('"loopback"') },
      { id: "plugin-other", finding: expect.stringContaining("firewall of unknown origin") },
    ]);
  });

  needs("reference plugins")("are the reference plugins where those lie", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    node.runtime("containerd");
    node.file("/etc/containerd/config.toml", containerdConfig(2, `bin_dir = "${bed.peer}"`));
    expect(node.findings()).toMatchObject([
      { id: "plugin-other", finding: expect.stringContaining(`${bed.peer}/bridge, `) },
    ]);
  });
});

describe("the files that others would run", () => {
  it("are found by CRI-O's configuration, of which the last file counts", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    node.runtime("crio");
    node.file("/etc/crio/crio.conf", '[crio.network]\nplugin_dirs = [\n  "/var/lib/no/",\n]\n');
    expect(node.of("plugin-missing")).toMatchObject([
      { finding: expect.stringMatching(/^CRI-O finds no plugin .* in \/var\/lib\/no,/) },
    ]);
    node.file("/etc/crio/crio.conf.d/10.conf", `[crio.network]\nplugin_dirs = ["${bed.bin}"]\n`);
    expect(node.findings()).toEqual([]);
  });

  it("are those of the network that CRI-O is told to take", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [{ type: "nonesuch" }] });
    node.runtime("crio");
    const lines = `[crio.network]\ncni_default_network = "pods"\nplugin_dirs = ["${bed.bin}"]\n`;
    node.file("/etc/crio/crio.conf", lines);
    expect(node.of("list-missing")).toMatchObject([
      { finding: expect.stringContaining('no file with the network "pods"') },
    ]);
    node.list({ name: "pods", plugins: [gateway] }, "20-pods.conflist");
    expect(node.of("list-missing")).toEqual([]);
    expect(node.of("plugin-missing")).toEqual([]);
  });

  it("are found by podman's, if it runs plugins at all", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    node.runtime("podman");
    const dirs = 'cni_plugin_dirs = ["/var/lib/no"]';
    node.file("/etc/containers/containers.conf", `[network]\n${dirs}\n`);
    expect(node.findings()).toEqual([]);
    node.file("/etc/containers/containers.conf", `[network]\nnetwork_backend = "cni"\n${dirs}\n`);
    expect(node.of("plugin-missing")).toMatchObject([
      { finding: expect.stringMatching(/^podman finds no plugin "bridge", "host-local" in/) },
    ]);
    node.file(
      "/etc/containers/containers.conf.d/10.conf",
      `[network]\ncni_plugin_dirs = ["/var/lib/no", "${bed.bin}"]\n`,
    );
    expect(node.findings()).toEqual([]);
  });

  it("are found by the options of an old kubelet", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    const options = (dir: string) => `KUBELET_ARGS="--network-plugin=cni --cni-bin-dir=${dir}"\n`;
    node.file("/var/lib/kubelet/kubeadm-flags.env", options("/var/lib/no"));
    expect(node.of("plugin-missing")).toMatchObject([
      { finding: expect.stringMatching(/^kubelet finds no plugin/) },
    ]);
    node.file("/var/lib/kubelet/kubeadm-flags.env", options(`/var/lib/no,${bed.bin}`));
    expect(node.findings()).toEqual([]);
  });

  it("are those of CNI_PATH where there is no runtime", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    expect(node.findings({ CNI_PATH: "/var/lib/no" })).toMatchObject([
      { id: "plugin-missing", advice: expect.stringContaining("CNI_PATH") },
    ]);
  });
});

describe("versions of lists", () => {
  const built = (version: string) =>
    `dep\tgithub.com/containernetworking/cni\tv${version}\th1:x=\n`;

  it("are none that the runtime does not know", ({ bed }) => {
    const node = new Node(bed);
    node.list({ cniVersion: "1.1.0", plugins: [gateway] });
    node.file("/etc/containerd/config.toml", containerdConfig(2, `bin_dir = "${bed.bin}"`));
    node.runtime("containerd", built("1.1.2"));
    expect(node.findings()).toMatchObject([
      {
        ...{ id: "version-runtime", level: "error" },
        finding: 'Network "net" is of version 1.1.0, but containerd knows none after 1.0.0',
      },
    ]);
    node.runtime("containerd", built("1.2.3"));
    expect(node.findings()).toEqual([]);
    node.runtime("containerd", built("0.8.1"));
    node.list({ cniVersion: "0.4.0", plugins: [gateway] });
    expect(node.findings()).toEqual([]);
  });

  it("are none that a plugin does not know", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway, { type: "old" }] });
    const folder = bed.folder("own");
    const check = () => node.findings({ CNI_PATH: `${bed.bin}:${folder}` });
    node.goProgram(`${folder}/old`, built("0.8.1"));
    expect(check()).toContainEqual(
      expect.objectContaining({ id: "version-plugin", level: "error" }),
    );
    node.goProgram(`${folder}/old`, built("1.0.1"));
    expect(check()).toEqual([]);
  });
});

describe("the files of networks", () => {
  it("are as weft validate wants them", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [{ ...gateway, mtu: "1400" }] });
    expect(node.of("list-invalid")).toMatchObject([
      { level: "error", finding: expect.stringContaining("plugins[0].mtu") },
    ]);
    node.list({ plugins: [{ ...gateway, mtu: 1400 }] });
    expect(node.of("list-invalid")).toEqual([]);
  });

  it("may have plugins of others, if these are where they are looked for", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [{ type: "others" }] });
    const folder = bed.folder("own");
    const env = { CNI_PATH: `${bed.bin}:${folder}` };
    expect(node.findings(env)).toMatchObject([{ id: "plugin-missing" }]);
    node.goProgram(`${folder}/others`, "");
    expect(node.findings(env)).toEqual([]);
  });

  it("have one network a name", ({ bed }) => {
    const node = new Node(bed);
    node.list({ plugins: [gateway] });
    node.list({ plugins: [gateway] }, "20-again.conflist");
    expect(node.of("list-doubled")).toMatchObject([
      { finding: expect.stringMatching(/20-again.* has the network "net", which .*10-net/) },
    ]);
  });

  it("are taken by a runtime for pods up to the first", ({ bed }) => {
    const node = new Node(bed);
    node.runtime("containerd");
    const config = (more: string) =>
      node.file(
        "/etc/containerd/config.toml",
        containerdConfig(2, `bin_dir = "${bed.bin}"\n${more}`),
      );
    config("");
    expect(node.of("list-missing")).toMatchObject([{ level: "error" }]);
    node.list({ plugins: [gateway] });
    expect(node.findings()).toEqual([]);
    const other = { type: "macvlan", master: "uplink0", mode: "bridge" };
    node.list({ name: "other", plugins: [other] }, "20-other.conflist");
    expect(node.of("list-unused")).toMatchObject([
      { finding: expect.stringContaining('10-net.conflist only, and not by "20-other.conflist"') },
    ]);
    config("max_conf_num = 0");
    expect(node.of("list-unused")).toEqual([]);
  });
});
