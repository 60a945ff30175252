import type { Bed } from "./bed.ts";
import type { Container } from "./container.ts";
import type { Config, RunOptions } from "./invocation.ts";
import type { Outcome } from "./outcome.ts";

/** A list of plugins, run as a runtime does. */
export class Chain {
  readonly #bed: Bed;
  readonly #plugins: readonly Config[];

  constructor(bed: Bed, plugins: readonly Config[]) {
    this.#bed = bed;
    this.#plugins = plugins;
  }

  /** ADD of every plugin, each with the result of the one before; the last result. */
  add(box: Container, options: RunOptions = {}): Config {
    let prevResult: Config | undefined;
    for (const plugin of this.#plugins) {
      const run = this.#bed.add(String(plugin.type), box, { ...plugin, prevResult }, options);
      prevResult = run.result as unknown as Config;
    }
    return prevResult ?? {};
  }

  /** CHECK of every plugin. */
  check(box: Container, prevResult: Config): readonly Outcome[] {
    return this.#plugins.map((plugin) =>
      this.#bed.check(String(plugin.type), box, { ...plugin, prevResult }),
    );
  }

  /** DEL of every plugin in the reverse order. */
  del(box: Container, prevResult?: Config, options: RunOptions = {}): readonly Outcome[] {
    const reverse = this.#plugins.toReversed();
    return reverse.map((plugin) =>
      this.#bed.del(String(plugin.type), box, { ...plugin, prevResult }, options),
    );
  }
}
