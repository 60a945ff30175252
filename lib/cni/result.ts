/**
 * Results in the newest form, which is what plugins work with. Other forms exist only at the edge
 * (result-in.ts, result-out.ts). Unknown keys of a foreign result survive. CNI spec, "Result Types".
 */

/** A link of the attachment; `sandbox` is CNI_NETNS for those inside the container. */
export interface ResultInterface {
  readonly name: string;
  readonly mac?: string;
  readonly mtu?: number;
  readonly sandbox?: string;
  /** The PCI address of the device, such as 0000:3b:00.1. */
  readonly pciID?: string;
}

/** An address as a CIDR with host bits; `interface` is an index into the interfaces. */
export interface ResultIp {
  readonly address: string;
  readonly gateway?: string;
  readonly interface?: number;
}

/** A route; `gw` absent means the first gateway of its family, else none. */
export interface ResultRoute {
  readonly dst: string;
  readonly gw?: string;
  readonly mtu?: number;
  readonly advmss?: number;
  readonly priority?: number;
  readonly table?: number;
  readonly scope?: number;
}

export interface Dns {
  readonly nameservers?: readonly string[];
  readonly domain?: string;
  readonly search?: readonly string[];
  readonly options?: readonly string[];
}

/** A result of version 1.1.0. */
export interface Result {
  readonly interfaces?: readonly ResultInterface[];
  readonly ips?: readonly ResultIp[];
  readonly routes?: readonly ResultRoute[];
  readonly dns?: Dns;
}
