/** The agent's command line is flanneld's, read as Go's flag package reads it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { flags } from "./flags.ts";
import { type AgentOptions, OptionError, parseAgentOptions } from "./options.ts";

const nothing = () => undefined;

function parse(args: readonly string[], variables: Record<string, string> = {}): AgentOptions {
  const options = parseAgentOptions(args, (name) => variables[name]);
  if (typeof options === "string") throw new Error(options);
  return options;
}

const tls = {
  cert: ["--etcd-certfile=/c.pem", "--etcd-keyfile=/k.pem"],
  ca: ["--etcd-cafile", "/ca.pem"],
};

describe("the command line", () => {
  it("is flanneld's by default, with etcd on this host", () => {
    expect(parse([])).toEqual({
      network: "flannel",
      store: {
        type: "etcd",
        endpoints: ["http://127.0.0.1:4001", "http://127.0.0.1:2379"],
        prefix: "/coreos.com/network",
        authorityFile: undefined,
        certificateFile: undefined,
        keyFile: undefined,
        username: undefined,
        password: undefined,
        passwordFile: undefined,
        renewMargin: 60,
      },
      uplink: { links: [], expressions: [], canReach: undefined },
      publicIP: undefined,
      publicIPv6: undefined,
      subnetFile: "/run/flannel/subnet.env",
      filter: { isMasquerading: false, isFullyRandom: true, isForwarding: true, resync: 5 },
      hasBlackholeRoute: false,
      healthz: undefined,
      log: "text",
      notes: [],
    });
  });

  it("is that of kube-flannel's DaemonSet", () => {
    const variables = { POD_NAME: "p", POD_NAMESPACE: "kube-flannel", EVENT_QUEUE_DEPTH: "5000" };
    const options = parse(["--ip-masq", "--kube-subnet-mgr", "--healthz-port=8081"], variables);
    expect(options).toMatchObject({
      store: {
        type: "kubernetes",
        apiUrl: undefined,
        annotationPrefix: "flannel.alpha.coreos.com",
        netConfigPath: "/etc/kube-flannel/net-conf.json",
        setsNetworkUnavailable: true,
        nodeName: undefined,
        pod: { name: "p", namespace: "kube-flannel" },
      },
      filter: { isMasquerading: true },
      healthz: { address: Uint8Array.of(0, 0, 0, 0), port: 8081 },
      notes: [],
    });
  });

  it.each([
    [["-iface", "eth0", "--iface=10.0.0.1"], { uplink: { links: ["eth0", "10.0.0.1"] } }],
    [
      ["--iface-regex=^eth[01]$", "-iface-regex", "a"],
      { uplink: { expressions: [/^eth[01]$/u, /a/u] } },
    ],
    [["-iface-can-reach=::1"], { uplink: { canReach: new Uint8Array(16).fill(1, 15) } }],
    [["-public-ip", "192.0.2.1"], { publicIP: Uint8Array.of(192, 0, 2, 1) }],
    [["--ip-masq=false"], { filter: { isMasquerading: false } }],
    [["--ip-masq", "--ip-masq=F"], { filter: { isMasquerading: false } }],
    [["--ip-masq-fully-random-disable"], { filter: { isFullyRandom: false } }],
    [["-iptables-forward-rules=0"], { filter: { isForwarding: false } }],
    [["-iptables-resync=60"], { filter: { resync: 60 } }],
    [["--ip-blackhole-route"], { hasBlackholeRoute: true }],
    [["--subnet-lease-renew-margin", "1439"], { store: { renewMargin: 1439 } }],
    [["--etcd-prefix=/a/b/"], { store: { prefix: "/a/b" } }],
    [["--etcd-username=u", "--etcd-password=p=q"], { store: { username: "u", password: "p=q" } }],
    [["--healthz-port=0"], { healthz: undefined }],
    [["--healthz-ip=::1", "--healthz-port=1"], { healthz: { port: 1 } }],
    [["--log=json"], { log: "json" }],
    [["--network-name", "pods"], { network: "pods" }],
    [
      ["--etcd-endpoints=a, https://[fd00::1]:1/"],
      { store: { endpoints: ["http://a:2379", "https://[fd00::1]:1"] } },
    ],
  ])("takes %j", (args, expected) => {
    expect(parse(args)).toMatchObject(expected);
  });

  it.each(["-h", "--help"])("tells what there is by %s", (flag) => {
    expect(parseAgentOptions([flag], nothing)).toBe("help");
  });

  it("tells its version", () => {
    expect(parseAgentOptions(["--ip-masq", "--version"], nothing)).toBe("version");
  });

  it.each([
    [["--ip-mask"], "Cannot use --ip-mask: there is no such flag, did you mean --ip-masq?"],
    [["--wonderful"], '"weft help agent" lists flags'],
    [["-__proto__", "1"], "no such flag"],
    [["eth0"], 'Cannot use "eth0": it is no flag'],
    [["-"], "it is no flag"],
    [["--ip-masq", "true"], 'Cannot use "true"'],
    [["--iface"], "Cannot use --iface: it needs a value"],
    [["--ip-masq=yes"], 'Cannot use --ip-masq: it must be true or false, got "yes"'],
    [["--subnet-lease-renew-margin=0"], "must be a number from 1 to 1439"],
    [["--subnet-lease-renew-margin=1440"], "must be a number from 1 to 1439"],
    [["--healthz-port=65536"], "must be a number from 0 to 65535"],
    [["--public-ip=::1"], "must be an IPv4 address"],
    [["--iface-regex=("], "must be a regular expression"],
    [["--network-name=../x"], "must be a plain name"],
    [["--etcd-endpoints=unix:///x"], "must be addresses such as"],
    [["--etcd-certfile=/c"], "Cannot use --etcd-certfile: it needs --etcd-keyfile"],
    [["--etcd-keyfile=/k"], "Cannot use --etcd-keyfile: it needs --etcd-certfile"],
  ])("refuses %j", (args, fault) => {
    expect(() => parse(args)).toThrow(OptionError);
    expect(() => parse(args)).toThrow(fault);
  });

  it("has all flags of flanneld", () => {
    const all = `etcd-endpoints etcd-prefix etcd-keyfile etcd-certfile etcd-cafile etcd-username
      etcd-password kube-subnet-mgr kube-api-url kubeconfig-file kube-annotation-prefix
      net-config-path set-node-network-unavailable iface iface-regex iface-can-reach public-ip
      public-ipv6 subnet-file subnet-lease-renew-margin ip-masq ip-masq-fully-random-disable
      iptables-resync iptables-forward-rules ip-blackhole-route healthz-ip healthz-port v vmodule
      log_backtrace_at`.split(/\s+/);
    expect(all.filter((name) => !Object.hasOwn(flags, name))).toEqual([]);
  });

  it("ends in options or in words, whatever it is given", () => {
    const names = fc.constantFrom(...Object.keys(flags));
    const word = fc.oneof(
      fc.string(),
      fc.tuple(fc.constantFrom("-", "--"), names).map((each) => each.join("")),
      fc.tuple(names, fc.string()).map(([name, value]) => `--${name}=${value}`),
    );
    fc.assert(
      fc.property(fc.array(word), (args) => {
        try {
          parseAgentOptions(args, nothing);
        } catch (cause) {
          expect(cause).toBeInstanceOf(OptionError);
          expect((cause as Error).message).toMatch(/^Cannot use /);
        }
      }),
    );
  });
});

describe("a flag that does nothing here", () => {
  it.each([["-v", "10"], ["--vmodule=a=1"], ["--log_backtrace_at", "f.go:1"]])(
    "%s: says so",
    (...args) => {
      expect(parse(args).notes).toEqual([
        expect.stringMatching(/^--\w+ does nothing here: the log/),
      ]);
    },
  );
});

describe("variables", () => {
  it("are for flags that are not given", () => {
    const variables = {
      FLANNELD_IP_MASQ: "true",
      FLANNELD_IFACE: "eth1",
      FLANNELD_SUBNET_FILE: "",
    };
    expect(parse([], variables)).toMatchObject({
      filter: { isMasquerading: true },
      uplink: { links: ["eth1"] },
      subnetFile: "/run/flannel/subnet.env",
    });
    expect(parse(["--ip-masq=0", "--iface", "a"], variables)).toMatchObject({
      filter: { isMasquerading: false },
      uplink: { links: ["a"] },
    });
  });

  it("that cannot be used are named and left", () => {
    const { store, notes } = parse([], { FLANNELD_SUBNET_LEASE_RENEW_MARGIN: "2000" });
    expect(store).toMatchObject({ renewMargin: 60 });
    expect(notes).toEqual([
      'Cannot use FLANNELD_SUBNET_LEASE_RENEW_MARGIN: it must be a number from 1 to 1439, got "2000"',
    ]);
  });
});

describe("TLS", () => {
  it.each([
    [tls.ca, ["https://127.0.0.1:2379"]],
    [tls.cert, ["https://127.0.0.1:2379"]],
    [
      [...tls.ca, "--etcd-endpoints=a:1,https://b"],
      ["https://a:1", "https://b:2379"],
    ],
  ])("is wanted by %j", (args, endpoints) => {
    expect(parse(args).store).toMatchObject({ endpoints });
  });

  it("is never left out silently", () => {
    expect(() => parse([...tls.ca, "--etcd-endpoints=http://a:1"])).toThrow(
      'Cannot use the etcd endpoint "http://a:1": with --etcd-cafile or --etcd-certfile it must begin with https://',
    );
  });
});
