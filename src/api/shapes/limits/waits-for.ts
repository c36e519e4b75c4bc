import { t } from "elysia";
import { WAIT_CODES, type WaitsFor } from "../../../domain/limits/waits-for.ts";
import { exactly, integer, nullable, word } from "../schemas.ts";

const WaitsForBody = exactly(
  {
    code: word(
      WAIT_CODES,
      "`max_concurrency`: the limit of its job; `gates`: the gates of its job, for a run that another job started; `queue`: the limit of the queue of its job; `max_jobs`: the limit of all runs (`--max-jobs`)",
    ),
    queue: nullable(t.String(), "Name of the queue; null unless the code is `queue`"),
    limit: nullable(integer({ minimum: 1 }), "Maximum of concurrent runs; null for gates"),
    running: nullable(integer({ minimum: 0 }), "Number of runs that hold its places; null for gates"),
    ahead: integer({ minimum: 0, description: "Number of runs that wait for the same and come first" }),
  },
  { title: "WaitsFor", description: "What keeps a run from starting or continuing" },
);

export const WaitsForOrNull = nullable(
  WaitsForBody,
  "What a `pending` run waits for, or a running one that wants its place back after it waited; null if nothing keeps it",
);

/** Encodes what a run waits for. */
export const waitsForBody = (waitsFor: WaitsFor | null): typeof WaitsForOrNull.static =>
  waitsFor === null ? null : { ...waitsFor };
