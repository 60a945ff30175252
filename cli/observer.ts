/** Runs a plugin, named by its type, and sees what that does. */
export type Observer = <T>(plugin: string, body: () => T) => T;
