/** What a person should know of a configuration: errors keep it from working, warnings may not. */

export interface Finding {
  readonly level: "error" | "warning";
  /** Where it is in the file, as `plugins[1].ipam.gateway`; "" is the file itself. */
  readonly path: string;
  readonly state: string;
}

/** Something that keeps the configuration from working. */
export function error(path: string, state: string): Finding {
  return { level: "error", path, state };
}

/** Something that is ignored, or that may be meant otherwise. */
export function warning(path: string, state: string): Finding {
  return { level: "warning", path, state };
}

/** The path of a key below another. */
export function below(path: string, key: string): string {
  return path === "" || key === "" || key.startsWith("[") ? path + key : `${path}.${key}`;
}

/** A value as JSON, cut to a length that fits a line. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
