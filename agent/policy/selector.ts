/** Label selectors of Kubernetes: which labels a thing must have to be chosen. */

import { isObject } from "../../lib/overlay/contract/host.ts";
import { listIn, objectIn, textsIn, Unreadable } from "./unreadable.ts";

/** The labels of a pod or namespace. */
export type Labels = Readonly<Record<string, string>>;

/** One condition on one label. */
export interface Requirement {
  readonly label: string;
  readonly operator: Operator;
  /** Of In and NotIn, sorted. */
  readonly values: readonly string[];
}

type Operator = "In" | "NotIn" | "Exists" | "DoesNotExist";

/** All of the requirements have to be met; without any, everything is chosen. */
export interface Selector {
  readonly requirements: readonly Requirement[];
  /** In words, as `app=web, tier in (a, b)`: the same for selectors that say the same, and "" for all. */
  readonly key: string;
}

/** What chooses everything. */
export const everything: Selector = selectorOf([]);

/** A selector of these requirements, whatever their order. */
export function selectorOf(requirements: readonly Requirement[]): Selector {
  const texts = new Map(requirements.map((each) => [inWords(each), each]));
  const sorted = [...texts].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    requirements: sorted.map(([, requirement]) => requirement),
    key: sorted.map(([text]) => text).join(", "),
  };
}

function inWords({ label, operator, values }: Requirement): string {
  const name = quoted(label);
  if (operator === "Exists") return name;
  if (operator === "DoesNotExist") return `!${name}`;
  const texts = values.map(quoted);
  if (operator === "In" && texts.length === 1) return `${name}=${texts[0]}`;
  return `${name} ${operator === "In" ? "in" : "notin"} (${texts.join(", ")})`;
}

/** A text as it is, or in quotes if it could be taken for more than one. */
export function quoted(text: string): string {
  return /^[\w./-]+$/.test(text) ? text : JSON.stringify(text);
}

/** Whether labels meet a selector. A label that is missing is not among any values: NotIn is met. */
export function selects({ requirements }: Selector, labels: Labels): boolean {
  for (let i = 0; i < requirements.length; i++) {
    if (!isMet(requirements[i] as Requirement, labels)) return false;
  }
  return true;
}

function isMet({ label, operator, values }: Requirement, labels: Labels): boolean {
  const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
  if (operator === "Exists") return value !== undefined;
  if (operator === "DoesNotExist") return value === undefined;
  const isAmong = value !== undefined && values.includes(value);
  return isAmong === (operator === "In");
}

/** Reads a LabelSelector of JSON. Throws Unreadable. */
export function readSelector(json: unknown, where: string): Selector {
  const object = objectIn(json, where, ["matchLabels", "matchExpressions"]);
  const { matchLabels = {}, matchExpressions } = object;
  if (!isObject(matchLabels ?? {})) throw new Unreadable(`${where}.matchLabels is no object`);
  const equal = Object.entries(matchLabels ?? {}).map(([label, value]): Requirement => {
    if (typeof value === "string") return { label, operator: "In", values: [value] };
    throw new Unreadable(`${where}.matchLabels has a value that is no text`);
  });
  const place = `${where}.matchExpressions`;
  const others = (listIn(matchExpressions, place) ?? []).map((each, i) =>
    readExpression(each, `${place}[${i}]`),
  );
  return selectorOf([...equal, ...others]);
}

function readExpression(json: unknown, where: string): Requirement {
  const { key, operator, values } = objectIn(json, where, ["key", "operator", "values"]);
  if (typeof key !== "string" || key === "") throw new Unreadable(`${where}.key is no text`);
  const texts = textsIn(values, `${where}.values`) ?? [];
  const isOfValues = operator === "In" || operator === "NotIn";
  if (!isOfValues && operator !== "Exists" && operator !== "DoesNotExist") {
    const expected = "none of In, NotIn, Exists and DoesNotExist";
    throw new Unreadable(`${where}.operator is ${JSON.stringify(operator)}, ${expected}`);
  }
  if (isOfValues !== texts.length > 0) {
    throw new Unreadable(`${where}.values ${isOfValues ? "is empty" : `is not for ${operator}`}`);
  }
  return { label: key, operator, values: [...new Set(texts)].sort() };
}
