import { it as plainIt } from "vitest";
import { type Bed, createBed } from "./bed.ts";
import { addDevices, needsDevices } from "./devices.ts";

/**
 * A test; one that takes `{ bed }` gets a private machine of its own. If its title names the plugin
 * that moves devices, the machine has some.
 */
export const it = plainIt.extend<{ readonly bed: Bed }>({
  async bed({ task }, use) {
    const bed = createBed();
    if (titlesOf(task).some(needsDevices)) addDevices(bed.host);
    await use(bed);
    bed.dispose();
  },
});

interface Titled {
  readonly name: string;
  readonly suite?: Titled | undefined;
}

/** The titles of a test, and of all that it is in. */
function titlesOf({ name, suite }: Titled): readonly string[] {
  return suite ? [name, ...titlesOf(suite)] : [name];
}
