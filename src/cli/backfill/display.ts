import type { BackfillBody } from "../../api/shapes/backfill.ts";
import { defaultZone } from "../../app/settings/settings.ts";
import { roughlyText } from "../../domain/words/duration.ts";
import { backfillText, EXISTING_TEXT, progressText } from "../../domain/words/schedule/backfill.ts";
import type { Context } from "../command.ts";
import { shortIds } from "../run-display/short-id.ts";
import { fold } from "../terminal/columns.ts";
import { readableLocal } from "../terminal/local-time.ts";
import { columnTable } from "../terminal/table.ts";
import { paint } from "../terminal/terminal.ts";
import { oneLine } from "../terminal/text-width.ts";

export type ShownBackfill = typeof BackfillBody.static;

/** Returns the range of a backfill, such as `from … to …`. */
export const rangeText = ({ from, to }: Pick<ShownBackfill, "from" | "to">, zone: string): string =>
  `from ${readableLocal(from, zone)} to ${readableLocal(to, zone)}`;

/** Returns a table of backfills. */
export const backfillTable = (
  list: readonly ShownBackfill[],
  { terminal: { out }, settings, clock }: Context,
): string => {
  const zone = defaultZone(settings);
  const now = clock.now();
  const ids = list.map(({ id }) => id);
  return columnTable(
    [
      { title: "BACKFILL", cells: out.isTerminal ? shortIds(ids) : ids },
      { title: "JOB", cells: list.map(({ job_id }) => job_id), shrink: 5, min: 12 },
      { title: "STATUS", cells: list.map(({ status }) => status) },
      { title: "RUNS", cells: list.map(({ runs }) => progressText(runs)), shrink: 2, min: 14, drop: 6 },
      {
        title: "CREATED",
        cells: list.map(({ created_at }) =>
          out.isTerminal ? roughlyText(created_at - now) : readableLocal(created_at, zone),
        ),
        drop: 4,
      },
      { title: "FROM", cells: list.map(({ from }) => readableLocal(from, zone)), drop: 3 },
      { title: "TO", cells: list.map(({ to }) => readableLocal(to, zone)), drop: 3 },
    ],
    out,
  );
};

/** Returns the lines about one backfill. */
export const backfillLines = (backfill: ShownBackfill, { terminal: { out }, settings }: Context): string => {
  const zone = defaultZone(settings);
  const params = Object.entries(backfill.params);
  const rows: readonly (readonly [string, string | null])[] = [
    ["backfill", backfill.id],
    ["job", backfill.job_id],
    ["status", backfillText(backfill)],
    ["runs", progressText(backfill.runs)],
    ["range", rangeText(backfill, zone)],
    ["runs again", EXISTING_TEXT[backfill.existing]],
    ["at once", String(backfill.parallel)],
    ["order", backfill.newest_first ? "newest first" : "oldest first"],
    ["params", params.length === 0 ? null : params.map(([name, value]) => `${name}=${value}`).join(" ")],
    ["created", `${readableLocal(backfill.created_at, zone)}${byText(backfill.created_by)}`],
    ["cancelled by", backfill.cancelled_by],
    ["ended", backfill.ended_at === null ? null : readableLocal(backfill.ended_at, zone)],
  ];
  const lines = rows.map(([name, value]) =>
    value === null ? "" : `${paint(out, "bold", name.padEnd(14))}${fold(oneLine(value), " ".repeat(14), out)}\n`,
  );
  const hint = paint(out, "dim", `its runs: petit runs --backfill ${backfill.id}\n`);
  return lines.join("") + (out.isTerminal ? hint : "");
};

const byText = (by: string | null): string => (by === null ? "" : ` by ${by}`);
