import type { RunId } from "../../domain/ids.ts";
import type { Json } from "../../lib/json.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { integer, json, text, word } from "../database/rows.ts";

/** What a worker said about an attempt when it could no longer change it. `late_outcome`: how the attempt ended there. */
export const NOTE_CODES = ["late_outcome"] as const;

export type AttemptNote = {
  readonly attemptId: number;
  readonly at: number;
  readonly worker: string;
  readonly epoch: number;
  readonly code: (typeof NOTE_CODES)[number];
  readonly detail: { readonly [key: string]: Json };
};

export interface NoteStore {
  /** Stores a note. One that is repeated is ignored. */
  add(note: AttemptNote): void;
  /** Returns the notes on the attempts of a run, oldest first. */
  list(runId: RunId): readonly AttemptNote[];
}

export const createNoteStore = ({ sql, write }: StoreContext): NoteStore => ({
  add: write("durable", ({ attemptId, at, worker, epoch, code, detail }) => {
    sql.run(
      `INSERT INTO attempt_notes (attempt_id, at, worker, epoch, code, detail)
       VALUES ($attemptId, $at, $worker, $epoch, $code, $detail) ON CONFLICT DO NOTHING`,
      { attemptId, at, worker, epoch, code, detail: JSON.stringify(detail) },
    );
  }),

  list: (runId) =>
    sql
      .all(
        `SELECT attempt_notes.* FROM attempt_notes JOIN attempts ON attempts.id = attempt_id
         WHERE run = (SELECT seq FROM runs WHERE id = $runId) ORDER BY attempt_notes.seq`,
        { runId },
      )
      .map(toNote),
});

const toNote = (row: SqlRow): AttemptNote => ({
  attemptId: integer(row, "attempt_id"),
  at: integer(row, "at"),
  worker: text(row, "worker"),
  epoch: integer(row, "epoch"),
  code: word(row, "code", NOTE_CODES),
  detail: json<AttemptNote["detail"]>(row, "detail"),
});
