/** The host-device plugin's configuration: which device is meant, by whichever of its names. */

import { ConfigError, configError } from "../../lib/cni/error.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import { flagAt, givenAt, type NetConf, parseNetConf } from "../../lib/cni/netconf.ts";
import { formatMac, parseMac } from "../../lib/ip/mac.ts";

export interface HostDeviceConfig extends NetConf {
  /** The name of a link, or another name of it. */
  readonly device: string | undefined;
  /** Lower case with colons. */
  readonly hwaddr: string | undefined;
  readonly kernelPath: string | undefined;
  readonly pciBusID: string | undefined;
  readonly deviceID: string | undefined;
  readonly dpdkMode: boolean;
  readonly allowUplink: boolean;
}

/** The configuration; `strict` refuses what names no device, or in a form that none can have. */
export function parseHostDeviceConfig(json: JsonObject, strict: boolean): HostDeviceConfig {
  const config = {
    ...parseNetConf(json),
    device: givenAt(json, "device"),
    hwaddr: givenAt(json, "hwaddr"),
    kernelPath: givenAt(json, "kernelpath"),
    pciBusID: givenAt(json, "pciBusID"),
    deviceID: givenAt(json, "runtimeConfig", "deviceID"),
    dpdkMode: flagAt(json, "DPDKMode"),
    allowUplink: flagAt(json, "allowUplink"),
  };
  if (!strict) return config;
  if (!flagAt(json, "capabilities", "deviceID")) requireSelection(config);
  requireForms(config);
  return { ...config, hwaddr: config.hwaddr && usualMac(config.hwaddr) };
}

/** Throws code 7 where no key names a device; the capability deviceID may name one with each ADD. */
export function requireSelection(config: HostDeviceConfig): void {
  const { device, hwaddr, kernelPath, pciBusID, deviceID } = config;
  if (device || hwaddr || kernelPath || pciBusID || deviceID) return;
  const keys = '"device", "hwaddr", "kernelpath" or "pciBusID"';
  throw new ConfigError("", `must name a device by ${keys}, or the runtime by "deviceID"`);
}

const DEVICES = "/sys/devices/";

function requireForms({ kernelPath, pciBusID, deviceID }: HostDeviceConfig): void {
  const isBelow = kernelPath?.startsWith(DEVICES) && !kernelPath.split("/").includes("..");
  if (kernelPath !== undefined && !isBelow) {
    throw configError("kernelpath", `a path below ${DEVICES} without ".."`, kernelPath);
  }
  requireName("pciBusID", pciBusID);
  requireName("runtimeConfig.deviceID", deviceID);
}

/** It becomes a part of a path. */
function requireName(key: string, name = "x"): void {
  if (/^[\w:-][\w:.-]*$/.test(name)) return;
  throw configError(key, "the name of a device such as 0000:3b:00.1", name);
}

/** Hardware addresses have 6, 8 or 20 bytes. */
function usualMac(text: string): string {
  const mac = parseMac(text);
  const usual = mac ? formatMac(mac) : text.toLowerCase();
  if (mac || /^([\da-f]{2}:){7}(([\da-f]{2}:){12})?[\da-f]{2}$/.test(usual)) return usual;
  throw configError("hwaddr", 'a hardware address such as "02:1a:2b:3c:4d:5e"', text);
}
