/** Why a request has no answer, in words that name the method, the address and the state. */

import { Failure } from "../host/failure.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Request } from "./request.ts";

/**
 * Nobody is there, or it broke off (`away`); nothing came in time (`late`); more came than is
 * wanted (`long`); what came is not HTTP (`garbled`); or the request could not be sent (`unfit`).
 */
export type HttpFault = "away" | "late" | "long" | "garbled" | "unfit";

/** A request that was not answered. */
export class HttpFailure extends Failure {
  readonly fault: HttpFault;

  constructor(fault: HttpFault, message: string, cause?: Failure) {
    super("system", message, { errno: cause?.errno, details: cause?.details });
    this.name = "HttpFailure";
    this.fault = fault;
  }
}

/** What is wrong, and how it is called. */
export interface Fault {
  readonly fault: HttpFault;
  readonly state: string;
  readonly cause?: Failure | undefined;
}

/** The failure of a request. */
export function httpFailure(endpoint: Endpoint, request: Request, what: Fault): HttpFailure {
  return new HttpFailure(what.fault, `${cannot(endpoint, request)}: ${what.state}`, what.cause);
}

/** `Cannot GET https://host:443/path`, without the query: the beginning of what is said of a request. */
export function cannot(endpoint: Endpoint, request: Request): string {
  const [path = ""] = request.path.split("?");
  return `Cannot ${request.method} ${endpoint.name}${endpoint.path}${path}`;
}

/** A stream's end as a state: `cannot connect to …`. */
export function stateOf(cause: Failure): string {
  return cause.message.slice(0, 1).toLowerCase() + cause.message.slice(1);
}
