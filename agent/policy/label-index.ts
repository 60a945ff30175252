/** Things by the selectors they have: which of them may choose something with these labels? */

import type { Labels, Selector } from "./selector.ts";

/**
 * A selector that asks for a value of a label is found by each value it asks for, another one always.
 * What is found still has to be compared.
 */
export class LabelIndex<T> {
  readonly #byValue = new Map<string, Set<T>>();
  readonly #others = new Set<T>();

  add(selector: Selector, item: T): void {
    const values = anchorsOf(selector);
    if (!values) this.#others.add(item);
    for (const value of values ?? []) {
      const items = this.#byValue.get(value);
      if (items) items.add(item);
      else this.#byValue.set(value, new Set([item]));
    }
  }

  delete(selector: Selector, item: T): void {
    const values = anchorsOf(selector);
    if (!values) this.#others.delete(item);
    for (const value of values ?? []) {
      const items = this.#byValue.get(value);
      items?.delete(item);
      if (items?.size === 0) this.#byValue.delete(value);
    }
  }

  get isEmpty(): boolean {
    return this.#others.size === 0 && this.#byValue.size === 0;
  }

  /** Tells each thing whose selector may choose something with these labels, once. */
  candidates(labels: Labels, tell: (item: T) => void): void {
    this.#others.forEach(tell);
    if (this.#byValue.size === 0) return;
    for (const label of Object.keys(labels)) {
      this.#byValue.get(anchor(label, labels[label] ?? ""))?.forEach(tell);
    }
  }
}

/** The values of one label, of which something chosen has one. */
function anchorsOf({ requirements }: Selector): readonly string[] | undefined {
  const asking = requirements.find(({ operator }) => operator === "In");
  return asking?.values.map((value) => anchor(asking.label, value));
}

function anchor(label: string, value: string): string {
  return `${label}=${value}`;
}
