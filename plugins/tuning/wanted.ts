/** What is asked for, by the configuration and the runtime. */

import type { CniArgs } from "../../lib/cni/args.ts";
import type { Attachment } from "../../lib/cni/call.ts";
import type { Tunables } from "../../lib/net/tuning.ts";
import { macOf, sysctlPath, type TuningConfig } from "./config.ts";

/** What is asked for, by paths and attributes. */
export interface Wanted {
  readonly sysctls: readonly (readonly [path: string, value: string])[];
  readonly link: Partial<Tunables>;
}

interface Request {
  readonly config: TuningConfig;
  readonly args: CniArgs;
  readonly attachment: Attachment;
}

/** What a call asks for; code 7 if the hardware address is none for a link. */
export function wantedOf({ config, args, attachment }: Request): Wanted {
  const { mtu, promisc, allmulti, txQLen } = config;
  const mac = macOf(config, args.MAC);
  return {
    sysctls: config.sysctls.map(([name, value]) => [sysctlPath(name, attachment.ifName), value]),
    link: {
      ...(mac === undefined ? {} : { mac }),
      ...(mtu === undefined ? {} : { mtu }),
      ...(promisc === undefined ? {} : { promisc }),
      ...(allmulti === undefined ? {} : { allmulti }),
      ...(txQLen === undefined ? {} : { txQLen }),
    },
  };
}
