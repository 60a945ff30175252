/**
 * The text of a Node, as the API server writes it, without what takes nine tenths of it and says
 * nothing of hosts: who changed which field, and the status with its images and conditions.
 *
 *   {"metadata":{…,"managedFields":[…]},"spec":{…},"status":{…}}
 *   {"metadata":{…                     },"spec":{…}             }
 */

import { isObject, type JsonObject } from "../../overlay/contract/host.ts";
import { parsed } from "./list-reader.ts";

const MANAGED = ',"managedFields":[';
const ANNOTATIONS = '"annotations":';
const SPEC = '},"spec":{';
const STATUS = '},"status":{';

/**
 * A Node without these, or, if it is written otherwise, whole; undefined if it is no JSON object.
 * What is found within something else gives no JSON, and in a string nothing of it is found, since
 * its quotation marks are escaped.
 */
export function parseNode(text: string): JsonObject | undefined {
  const shorter = skimmed(text);
  const node = shorter === undefined ? undefined : parsed(shorter);
  return node && isWhole(node) ? node : parsed(text);
}

function skimmed(text: string): string | undefined {
  const status = text.indexOf(STATUS);
  if (status < 0) return undefined;
  const [managed, spec] = [text.indexOf(MANAGED), text.indexOf(SPEC)];
  const isLast = managed >= 0 && managed < spec && text[spec - 1] === "]" && spec < status;
  const isCut = isLast && text.lastIndexOf(ANNOTATIONS, status) < managed;
  const kept = isCut ? text.slice(0, managed) + text.slice(spec, status) : text.slice(0, status);
  return `${kept}}}`;
}

/** All that is asked of a Node comes before what was left out. */
function isWhole({ metadata, spec }: JsonObject): boolean {
  if (!isObject(metadata) || !isObject(spec)) return false;
  const { name, uid, resourceVersion } = metadata;
  return [name, uid, resourceVersion].every((each) => typeof each === "string");
}
