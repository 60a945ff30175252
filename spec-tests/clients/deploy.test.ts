/** What is in deploy/: by its own kinds' rules, by the programs it starts, and by what these tell. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { loadAll } from "js-yaml";
import { describe, expect } from "vitest";
import { Daemon } from "../bed/daemon.ts";
import { it } from "../bed/it.ts";
import { Lists } from "../bed/lists.ts";
import { binDirectory } from "../bed/paths.ts";

const folder = resolve(import.meta.dirname, "../../deploy");
const weft = join(binDirectory, "weft");
const textOf = (name: string) => readFileSync(join(folder, name), "utf8");

interface Container {
  readonly command: readonly string[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly securityContext: { readonly capabilities: { readonly add: readonly string[] } };
  readonly [key: string]: unknown;
}

interface Thing {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly rules?: unknown;
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: {
    readonly selector: { readonly matchLabels: object };
    readonly template: {
      readonly metadata: { readonly labels: object };
      readonly spec: {
        readonly initContainers: readonly Container[];
        readonly containers: readonly Container[];
        readonly volumes: readonly { readonly name: string }[];
        readonly [key: string]: unknown;
      };
    };
  };
}

const things = loadAll(textOf("weft-flannel.yaml")) as unknown as readonly Thing[];
const of = (kind: string) => things.find((each) => each.kind === kind);
const pod = of("DaemonSet")?.spec?.template.spec;
const [agent] = pod?.containers ?? [];
const [init] = pod?.initContainers ?? [];

describe("the manifest", () => {
  it("has the objects of kube-flannel, by their names", () => {
    expect(
      things.map(({ apiVersion, kind, metadata }) => [apiVersion, kind, metadata.name]),
    ).toEqual([
      ["v1", "Namespace", "kube-flannel"],
      ["v1", "ServiceAccount", "flannel"],
      ["rbac.authorization.k8s.io/v1", "ClusterRole", "flannel"],
      ["rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "flannel"],
      ["v1", "ConfigMap", "kube-flannel-cfg"],
      ["apps/v1", "DaemonSet", "kube-flannel-ds"],
    ]);
  });

  it("asks for no more than kube-flannel does", () => {
    expect(of("ClusterRole")?.rules).toEqual([
      { apiGroups: [""], resources: ["pods"], verbs: ["get"] },
      { apiGroups: [""], resources: ["nodes"], verbs: ["get", "list", "watch"] },
      { apiGroups: [""], resources: ["nodes/status"], verbs: ["patch"] },
    ]);
    expect(agent?.securityContext.capabilities).toEqual({
      drop: ["ALL"],
      add: ["NET_ADMIN", "NET_RAW"],
    });
  });

  it("selects its own pods, and mounts what it names", () => {
    const { selector, template } = of("DaemonSet")?.spec ?? {};
    expect(template?.metadata.labels).toMatchObject(selector?.matchLabels ?? { none: true });
    const volumes = pod?.volumes.map(({ name }) => name).sort();
    const mounted = [init, agent].flatMap(
      (each) => each?.volumeMounts.map(({ name }) => name) ?? [],
    );
    expect([...new Set(mounted)].sort()).toEqual(volumes);
  });

  it("starts programs with flags that they have", () => {
    const [, ...flags] = agent?.command ?? [];
    expect(spawnSync(weft, [...flags, "--version"], { encoding: "utf8" })).toMatchObject({
      status: 0,
      stderr: "",
    });
    const [, ...words] = init?.command ?? [];
    const { stderr } = spawnSync(weft, [...words, "--no-such-option"], { encoding: "utf8" });
    expect(stderr).toContain('unknown option "--no-such-option"');
  });

  it("asks for health where the agent tells it", () => {
    const port = Number(
      agent?.command.find((word) => word.startsWith("--healthz-port="))?.slice(15),
    );
    expect(agent).toMatchObject({
      livenessProbe: { httpGet: { path: "/healthz", port } },
      readinessProbe: { httpGet: { path: "/readyz", port } },
    });
  });

  it("has a list and a network that can be used", ({ bed }) => {
    const { data = {} } = of("ConfigMap") ?? {};
    const list = data["cni-conf.json"] ?? "";
    expect(JSON.parse(list)).toEqual(JSON.parse(textOf("10-flannel.conflist")));
    const { status, stdout } = spawnSync(weft, ["validate"], { input: list, encoding: "utf8" });
    expect([status, stdout]).toEqual([0, "-: valid\n"]);
    const network = data["net-conf.json"] ?? "";
    expect(faultsOf("weft-net-conf", JSON.parse(network))).toEqual([]);
    expect(JSON.parse(network)).toEqual({ Network: "10.244.0.0/16", Backend: { Type: "vxlan" } });
    bed.host.sh(`printf '%s' '${network}' >/run/net-conf.json`);
    const { stderr } = new Lists(bed).weft("agent init --config /run/net-conf.json");
    expect(stderr).toContain("nothing listens there");
  });
});

describe("the unit", () => {
  it("starts the agent with flags that it has, and waits until it is ready", () => {
    const unit = textOf("weft-agent.service");
    const [, words = ""] = /^ExecStart=\S+ (.*)$/m.exec(unit) ?? [];
    const run = spawnSync(weft, [...words.split(" "), "--version"], { encoding: "utf8" });
    expect(run).toMatchObject({ status: 0, stderr: "" });
    expect(unit).toMatch(/^Type=notify$/m);
  });
});

/** The metrics of a running agent, by their names. */
const metricsOf = (text: string) => new Set(text.match(/\b(weft_agent|process)_[a-z_]+/g));

describe("alert rules and dashboard", () => {
  it("ask for metrics only that the agent's page has", () => {
    const page = readFileSync(join(folder, "../docs/weft/agent.md"), "utf8");
    const known = metricsOf(page);
    expect(known.size).toBeGreaterThan(10);
    for (const name of ["weft-alerts.yaml", "weft-grafana.json"]) {
      expect([...metricsOf(textOf(name))].filter((each) => !known.has(each))).toEqual([]);
    }
  });

  it("have what each rule and each panel needs", () => {
    const [{ groups }] = loadAll(textOf("weft-alerts.yaml")) as unknown as readonly [
      { groups: readonly { rules: readonly object[] }[] },
    ];
    for (const rule of groups.flatMap(({ rules }) => rules)) {
      expect(rule).toMatchObject({
        alert: expect.stringMatching(/^Weft[A-Za-z]+$/),
        expr: expect.any(String),
        for: expect.stringMatching(/^\d+m$/),
        labels: { severity: expect.stringMatching(/^(warning|critical)$/) },
        annotations: { summary: expect.any(String), description: expect.stringMatching(/\.$/) },
      });
    }
    const { panels } = JSON.parse(textOf("weft-grafana.json"));
    for (const panel of panels) {
      expect(panel).toMatchObject({
        title: expect.any(String),
        type: /^(stat|timeseries)$/.exec(panel.type)?.[0],
      });
      expect(panel.targets.every(({ expr }: { expr: string }) => expr !== "")).toBe(true);
    }
  });
});

/** What a value has that a published schema does not allow. */
function faultsOf(name: string, value: unknown): readonly object[] {
  const schema = JSON.parse(
    readFileSync(join(folder, `../docs/schemas/${name}.schema.json`), "utf8"),
  );
  const validate = new Ajv2020({ strict: false }).compile(schema);
  return validate(value) ? [] : (validate.errors ?? []);
}

/** Status and body of an answer, asked inside of a bed. */
const asked = (path: string) => `python3 -c '
import http.client
connection = http.client.HTTPConnection("127.0.0.1", 8081, timeout=60)
connection.request("GET", "${path}")
answer = connection.getresponse()
print(answer.status, answer.read().decode())' 2>&1`;

describe("a running agent", () => {
  it("is alive, not ready, and tells metrics, all of which its page has", async ({ bed }) => {
    const { host } = bed;
    const flags = "--healthz-ip=127.0.0.1 --healthz-port=8081 --log=json";
    const daemon = new Daemon(bed, `${bed.bin}/weft agent ${flags}`);
    host.until(`${asked("/healthz")} | grep -q "^200 the agent is running"`);
    expect(host.sh(asked("/readyz"))).toMatch(/^503 the agent is not ready yet/);
    expect(host.sh(asked("/other"))).toMatch(/^404 /);
    const page = metricsOf(readFileSync(join(folder, "../docs/weft/agent.md"), "utf8"));
    const told = [...metricsOf(host.sh(asked("/metrics")))];
    expect(told.length).toBeGreaterThan(8);
    expect(told.filter((each) => !page.has(each))).toEqual([]);

    const lists = new Lists(bed);
    const { status, stdout } = lists.weft("agent status --json");
    expect(faultsOf("weft-agent-status", JSON.parse(stdout))).toEqual([]);
    expect([status, JSON.parse(stdout)]).toMatchObject([1, { network: "flannel", isReady: false }]);
    expect(await daemon.end("SIGTERM")).toBe(0);
    const [first = ""] = daemon.said.split("\n");
    expect(JSON.parse(first)).toMatchObject({ level: "info", event: "started" });
    expect(lists.weft("agent status")).toMatchObject({
      status: 1,
      stderr: 'weft: Cannot ask the agent of network "flannel": it is not running\n',
    });
  });
});

describe("a link named flanneld", () => {
  it("is weft agent", ({ bed }) => {
    const said = new Lists(bed).run(`ln -s ${bed.bin}/weft /run/flanneld; /run/flanneld --version`);
    expect(said).toMatchObject({ status: 0, stdout: expect.stringMatching(/^weft \d/) });
    const wrong = new Lists(bed).run("/run/flanneld --ip-mask");
    expect(wrong).toMatchObject({ status: 2, stderr: expect.stringContaining("--ip-masq?") });
  });
});

describe("weft agent init", () => {
  it.for([
    ["", 2, "usage: weft agent init"],
    ["--network 10.244.0.0", 1, "Network must be an IPv4 network"],
    ["--network 10.244.0.0/16 --backend udp", 1, "Backend"],
    ["--network 10.244.0.0/16 --subnet-len x", 2, "usage"],
    ["--network 10.244.0.0/16 --etcd-prefixes /x", 2, "did you mean --etcd-prefix?"],
    ["--network 10.244.0.0/16 --kube-subnet-mgr", 2, "its network is a ConfigMap"],
    ["--config /nothing", 1, "there is no such file"],
    ["--network 10.244.0.0/16", 1, "nothing listens there"],
  ] as const)("says what is wrong with %j", ([words, status, state], { bed }) => {
    const said = new Lists(bed).weft(`agent init ${words}`);
    expect(said.status).toBe(status);
    expect(said.stderr).toContain(state);
  });
});
