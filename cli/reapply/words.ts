/** What is printed of outcomes: a line for each that is worth one, and how many there are. */

import { oneLine } from "../../lib/cni/error.ts";
import type { Outcome, State } from "./outcome.ts";

/** A line, and where it is to be printed. */
export interface Line {
  readonly fd: 1 | 2;
  readonly line: string;
}

/** The lines of one attachment; none if nothing was missing. */
export function linesOf(outcome: Outcome, isDry: boolean): readonly Line[] {
  const { parts, leftAlone, errors } = outcome;
  const name = nameOf(outcome);
  const verb = isDry ? "would mend" : "mended";
  const made = parts.map(({ what, fault }) => (isDry ? `${what} (${fault})` : what)).join("; ");
  const lines: readonly Line[] = [
    ...(parts.length > 0 ? [{ fd: 1 as const, line: `${verb} ${name}: ${made}` }] : []),
    ...stateLines(outcome),
    ...leftAlone.map((each) => ({ fd: 1 as const, line: `left alone ${each} of ${name}` })),
    ...errors.map(({ code, message }) => ({
      fd: 2 as const,
      line: `weft: ${name}: ${message} (code ${code})`,
    })),
  ];
  return lines.map(({ fd, line }) => ({ fd, line: oneLine(line) }));
}

function stateLines(outcome: Outcome): readonly Line[] {
  const { state, owner, why } = outcome;
  const name = nameOf(outcome);
  if (state === "left-alone") return [{ fd: 1, line: `left alone ${name}: ${why}` }];
  if (state !== "gone") return [];
  const advice = `"weft gc ${owner?.network}" tells what is left of it`;
  return [{ fd: 1, line: `gone is ${name}: ${why}; ${advice}` }];
}

function nameOf({ owner }: Outcome): string {
  if (!owner) return "a file";
  return `${owner.ifName} of container ${owner.containerID} in network ${owner.network}`;
}

const inWords: readonly (readonly [state: State, words: string])[] = [
  ["mended", "mended"],
  ["whole", "whole"],
  ["gone", "gone"],
  ["left-alone", "left alone"],
  ["failed", "failed"],
];

/** How many attachments there are of each state. */
export function summaryOf(outcomes: readonly Outcome[], isDry: boolean): string {
  const counts = inWords.flatMap(([state, words]) => {
    const count = outcomes.filter((each) => each.state === state).length;
    const verb = state === "mended" && isDry ? "would be mended" : words;
    return count > 0 ? [`${count} ${verb}`] : [];
  });
  return counts.length > 0 ? counts.join(", ") : "there are no attachments";
}

/** An outcome for programs. */
export function toJson({ owner, errors, ...rest }: Outcome): object {
  return {
    ...(owner ?? { network: "", containerID: "", ifName: "" }),
    ...rest,
    errors: errors.map(({ code, message, details }) => ({
      code,
      msg: message,
      ...(details === "" ? {} : { details }),
    })),
  };
}
