import { MOMENT_FORM, parseMoment } from "../../domain/time-span.ts";
import type { ToolContext } from "../tool.ts";
import { ToolError } from "../tool-error.ts";

/** Reads an argument that names a time, in ms since the Unix epoch. Throws a `ToolError` if it does not. */
export const momentOf = (
  name: string,
  text: string | undefined,
  { clock, zone }: Pick<ToolContext, "clock" | "zone">,
): number | undefined => {
  if (text === undefined) return undefined;
  const at = parseMoment(text, { now: clock.now(), zone });
  if (at === null) throw new ToolError(`argument '${name}' is '${text.slice(0, 100)}'; expected ${MOMENT_FORM}`);
  return at;
};
