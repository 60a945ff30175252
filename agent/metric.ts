/** A metric of Prometheus, as a value. */

/** A metric with all its values. */
export interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

export function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: "gauge", help, samples };
}

export function counter(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, type: "counter", help, samples };
}

/** One sample, or none where nothing is known. */
export function valueIfKnown(value: number | undefined): readonly Sample[] {
  return value === undefined ? [] : [{ value }];
}
