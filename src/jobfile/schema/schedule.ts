import { CATCHUP_POLICIES, type CatchupPolicy } from "../../domain/schedule/schedule.ts";
import type { FieldType, ObjectType, TextType } from "./field.ts";

const expression = { kind: "text", form: "a cron expression", characters: "prose" } as const satisfies TextType;

const cron = {
  kind: "shape",
  scalar: expression,
  list: { kind: "list", of: expression, minItems: 1, unique: true },
} as const satisfies FieldType;

const exception = { kind: "text", form: "a date or a file", characters: "name" } as const satisfies TextType;

/** Also used for a schedule that is only an expression. */
export const DEFAULT_CATCHUP = "latest" satisfies CatchupPolicy;
export const DEFAULT_CATCHUP_WINDOW_MS = 3_600_000;

/** The fields of a schedule that is a map. */
const SCHEDULE = {
  kind: "object",
  fields: {
    cron: {
      type: cron,
      required: true,
      doc: "One expression or a list of them: 5 fields (minute hour day month weekday) or 6 (second first), @hourly, @daily, @weekly, @monthly, @yearly, @every 1h30m, or @reboot: once for each boot of the machine, first at the boot after petit has read the job.",
      example: "0 2 * * *",
    },
    timezone: {
      type: { kind: "text", form: "an IANA time zone name", characters: "name" },
      doc: "The time zone of the expressions, an IANA name.",
      absent: "the `timezone` setting, then the system's time zone",
      example: "Europe/Paris",
    },
    catchup: {
      type: { kind: "choice", values: CATCHUP_POLICIES },
      doc: "What to do about occurrences that passed while petit was down: run the latest once, all of them, or none.",
      default: DEFAULT_CATCHUP,
    },
    catchup_window: {
      type: { kind: "duration", minMs: 0 },
      doc: "How far back to catch up.",
      default: DEFAULT_CATCHUP_WINDOW_MS,
    },
    jitter: {
      type: { kind: "duration", minMs: 0 },
      doc: "Starts each run up to this much later, so that many jobs don't start at once.",
      default: 0,
    },
    except: {
      type: {
        kind: "shape",
        scalar: exception,
        list: { kind: "list", of: exception, minItems: 0, unique: true },
      },
      doc: "Dates in its time zone on which it does not run: ISO dates, or files with one date per line (`#` begins a comment), relative to the job file's folder. Their occurrences are recorded as skipped.",
      absent: "none",
      example: ["2026-12-25", "holidays.txt"],
    },
  },
} as const satisfies ObjectType;

/** A schedule in any form: an expression, a list of expressions, or a map. */
export const schedule = {
  kind: "shape",
  scalar: cron.scalar,
  list: cron.list,
  map: SCHEDULE,
} as const satisfies FieldType;
