/** Where an end of a TCP connection is, as the kernel takes it and as people write it. */

import { family, formatAddress, type IpAddress } from "../ip/address.ts";

export const AF_INET = 2;
export const AF_INET6 = 10;

/** One end of a connection. */
export interface Endpoint {
  readonly address: IpAddress;
  readonly port: number;
}

/** The address family of sockets for an endpoint. */
export function socketFamily({ address }: Endpoint): number {
  return family(address) === 4 ? AF_INET : AF_INET6;
}

/** struct sockaddr_in or sockaddr_in6 (linux/in.h, linux/in6.h), without flow and scope. */
export function socketAddress(endpoint: Endpoint): Uint8Array {
  const { address, port } = endpoint;
  const isIpv4 = family(address) === 4;
  const bytes = new Uint8Array(isIpv4 ? 16 : 28);
  bytes[0] = socketFamily(endpoint);
  bytes[2] = port >> 8;
  bytes[3] = port;
  bytes.set(address, isIpv4 ? 4 : 8);
  return bytes;
}

/** A host, by name or address, and a port, such as `192.0.2.1:80` and `[2001:db8::1]:80`. */
export function endpointText(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The same of an endpoint. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return endpointText(formatAddress(address), port);
}
