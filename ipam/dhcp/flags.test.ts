/** The daemon's flags, as Go's flag package reads them. */
import { expect, it } from "vitest";
import { FlagError, parseFlags } from "./flags.ts";

it("are the reference's unless they are given, but for the first wait, which is that of RFC 2131", () => {
  expect(parseFlags([])).toEqual({
    pidfile: "",
    hostprefix: "",
    socketpath: "/run/cni/dhcp.sock",
    broadcast: false,
    timeout: 4_000,
    resendmax: 62_000,
    resendtimeout: 208_000,
  });
});

it.each([
  [["-pidfile", "/run/x"], { pidfile: "/run/x" }],
  [["--pidfile=/run/x=y"], { pidfile: "/run/x=y" }],
  [["-pidfile="], { pidfile: "" }],
  [["-broadcast"], { broadcast: true }],
  [["-broadcast=F"], { broadcast: false }],
  [["-timeout", "1m30.5s"], { timeout: 90_500 }],
  [["-timeout=100ms", "-timeout=2h"], { timeout: 7_200_000 }],
  [["-resendmax=.5s", "-resendtimeout", "0"], { resendmax: 500, resendtimeout: 0 }],
])("%j are understood", (args, flags) => {
  expect(parseFlags(args)).toMatchObject(flags);
});

it.each([["-h"], ["--help"]])("%s asks for help", (flag) => {
  expect(parseFlags([flag])).toBeUndefined();
});

it.each([
  [["-nothing"], "flag provided but not defined: -nothing"],
  [["-__proto__", "1"], "flag provided but not defined: -__proto__"],
  [["---pidfile"], "unexpected argument: ---pidfile"],
  [["-"], "unexpected argument: -"],
  [["stop"], "unexpected argument: stop"],
  [["-pidfile"], "flag needs an argument: -pidfile"],
  [["-timeout", "10"], 'invalid value "10" for flag -timeout'],
  [["-timeout", "-1s"], 'invalid value "-1s" for flag -timeout'],
  [["-timeout", ""], 'invalid value "" for flag -timeout'],
  [["-timeout", "1s2"], 'invalid value "1s2" for flag -timeout'],
  [["-broadcast=yes"], 'invalid boolean value "yes" for -broadcast'],
])("%j are refused", (args, fault) => {
  expect(() => parseFlags(args)).toThrow(FlagError);
  expect(() => parseFlags(args)).toThrow(fault);
});
