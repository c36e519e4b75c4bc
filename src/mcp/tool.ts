import type { Client } from "../client/client.ts";
import type { Clock } from "../lib/clock.ts";
import type { Answer } from "./answer/answer.ts";
import { type Arguments, readArguments, type ValuesOf } from "./arguments.ts";

/** What every tool gets. */
export type ToolContext = {
  /** petit, as the caller may use it. */
  readonly client: Client;
  readonly clock: Pick<Clock, "now" | "monotonic">;
  /** Aborts when the caller does not wait any more. */
  readonly signal: AbortSignal;
  /** Formats an instant (ms since the Unix epoch) as ISO 8601 with the offset of petit's time zone; null stays null. */
  readonly iso: (at: number | null | undefined) => string | null;
  /** As `iso`, with the offset of another zone; that of petit for null. */
  readonly isoIn: (zone: string | null, at: number | null | undefined) => string | null;
  /** petit's time zone. */
  readonly zone: string;
};

/** A tool that an agent can call. */
export type Tool = {
  readonly name: string;
  /** For a reader who has never seen petit. */
  readonly description: string;
  readonly args: Arguments;
  /** What it can do. `reads` changes nothing. */
  readonly effect: ToolEffect;
  run(given: Readonly<Record<string, unknown>>, context: ToolContext): Promise<Answer>;
};

/**
 * - `reads`: changes nothing.
 * - otherwise, whether a change can take something away, whether a second identical call changes nothing more, and whether it
 *   reaches beyond petit, as tasks of jobs do.
 */
type ToolEffect =
  | "reads"
  | { readonly isDestructive: boolean; readonly isIdempotent: boolean; readonly isOpen: boolean };

type ToolDeclaration<Declared extends Arguments> = Omit<Tool, "args" | "run"> & {
  readonly args: Declared;
  readonly run: (values: ValuesOf<Declared>, context: ToolContext) => Promise<Answer>;
};

/** Defines a tool, and infers the types of the values of `run` from `args`. */
export const defineTool = <const Declared extends Arguments>({
  run,
  ...declaration
}: ToolDeclaration<Declared>): Tool => ({
  ...declaration,
  run: (given, context) => run(readArguments(declaration.args, given), context),
});
