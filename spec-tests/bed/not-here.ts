/** How the title of a test says that this machine's kernel lacks what it needs. */

/** The title of a test that cannot run here. */
export function notHereTitle(title: string, feature: string): string {
  return `${title} [not here: ${feature}]`;
}

/** The feature a test needs and this kernel lacks, if its title says so. */
export function missingFeature(title: string): string | undefined {
  return /\[not here: (.*)\]$/.exec(title)?.[1];
}
