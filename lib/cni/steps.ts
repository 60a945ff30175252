/**
 * The steps of a call, by name: told to whoever keeps a log, at no cost where nobody does. A process
 * serves one call, so who listens is known to all of it, and handed to nobody.
 */

/** Is told what begins, and of which program if it is one's command; "" if nothing with a name does. */
export type Listener = (what: string, program: string) => void;

const listeners: Listener[] = [];

/** From now on, steps are told. */
export function listenToSteps(to: Listener): void {
  listeners.push(to);
}

/** A step begins, and with that the one before ends. */
export function begin(what: string, program = ""): void {
  listeners[0]?.(what, program);
}

/** The step that began last has ended. */
export function end(): void {
  listeners[0]?.("", "");
}
