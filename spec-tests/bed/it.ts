import { it as plainIt } from "vitest";
import { type Bed, createBed } from "./bed.ts";
import { equip } from "./equipment.ts";

/**
 * A test; one that takes `{ bed }` gets a private machine of its own. If its title names a plugin
 * that needs devices, a link or a network with a server, the machine has that.
 */
export const it = plainIt.extend<{ readonly bed: Bed }>({
  async bed({ task }, use) {
    const bed = createBed();
    equip(bed, ...titlesOf(task));
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
