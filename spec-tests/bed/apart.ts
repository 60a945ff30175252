import type { Config } from "./invocation.ts";

/** The same for another attachment, with what two of one network cannot share: an address, a VLAN. */
export function apart(config: Config, last: number): Config {
  const text = JSON.stringify(config)
    .replaceAll("10.1.2.2/", `10.1.2.${last}/`)
    .replace(/"vlanId":\d+/, `"vlanId":${last}`);
  return JSON.parse(text) as Config;
}
