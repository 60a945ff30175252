/** The request that flannel makes of its own for its delegate. */

import type { Call, Request } from "../../lib/cni/call.ts";
import { reconfigured } from "../../lib/cni/delegate.ts";
import type { JsonObject } from "../../lib/cni/json.ts";
import type { FlannelConfig } from "./config.ts";

/** The request as the delegate gets it; the version is that of the call, not of the record. */
export function requestWith(
  { request }: Call<FlannelConfig>,
  config: JsonObject,
  more: JsonObject = {},
): Request {
  const { cniVersion: version, prevResult } = request.config;
  const { cniVersion: _version, ...rest } = config;
  return reconfigured(request, {
    ...(version ? { cniVersion: version } : {}),
    ...rest,
    ...(prevResult ? { prevResult } : {}),
    ...more,
  });
}
