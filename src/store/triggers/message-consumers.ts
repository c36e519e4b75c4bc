import type { JobId } from "../../domain/ids.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { id, integer, integerOrNull, text } from "../database/rows.ts";

/** The consumer of a `nats` trigger in NATS, and how far its messages are accounted for. */
export type MessageConsumer = {
  readonly jobId: JobId;
  /** The name of the trigger, or else its stream. */
  readonly trigger: string;
  readonly stream: string;
  /** Its name in NATS. */
  readonly name: string;
  /** When the stream was created, in ms since the Unix epoch; null until petit has seen it. Until then, NATS has no consumer. */
  readonly createdAt: number | null;
  /** The highest number of a message that is accounted for, or before the first one, of those that do not count. */
  readonly position: number;
  /** If no message is accounted for: when petit learned of the trigger, in ms since the Unix epoch. Only what was stored since counts. */
  readonly newSince: number | null;
};

type Position = { readonly createdAt: number; readonly position: number };

type Key = Pick<MessageConsumer, "jobId" | "trigger" | "stream">;

/** The consumers of `nats` triggers, also of those that are gone, until they are deleted in NATS. */
export interface MessageConsumerStore {
  /** Returns the consumer of a trigger for its stream, or null. */
  find(key: Key): MessageConsumer | null;
  /** Returns whether a trigger has the consumer of that name. */
  has(consumer: Pick<MessageConsumer, "stream" | "name">): boolean;
  list(): readonly MessageConsumer[];
  /** Notes a new trigger. Does nothing if it is known. */
  add(consumer: Pick<MessageConsumer, "jobId" | "trigger" | "stream" | "name"> & { readonly newSince: number }): void;
  /** Notes that petit has seen the stream, and that it begins with what was stored since the trigger was new. */
  begin(key: Key, state: Pick<Position, "createdAt">): void;
  /** Notes where a trigger goes on: it is new, there is another stream of that name, or the stream has fewer messages than before. */
  restart(key: Key, state: Position): void;
  /** Notes that a message of that stream is accounted for. */
  advance(key: Key, state: Position): void;
  remove(consumer: Pick<MessageConsumer, "stream" | "name">): void;
}

const OF_TRIGGER = `job_id = $jobId AND "trigger" = $trigger AND stream = $stream`;

export const createMessageConsumerStore = ({ sql, write }: StoreContext): MessageConsumerStore => ({
  find: ({ jobId, trigger, stream }) => {
    const row = sql.get(`SELECT * FROM message_consumers WHERE ${OF_TRIGGER}`, { jobId, trigger, stream });
    return row === null ? null : toConsumer(row);
  },

  has: ({ stream, name }) =>
    sql.get("SELECT 1 FROM message_consumers WHERE stream = $stream AND name = $name", { stream, name }) !== null,

  list: () => sql.all("SELECT * FROM message_consumers ORDER BY stream, name").map(toConsumer),

  add: write("durable", ({ jobId, trigger, stream, name, newSince }) =>
    sql.run(
      `INSERT INTO message_consumers (stream, name, job_id, "trigger", created_at, position, new_since)
       VALUES ($stream, $name, $jobId, $trigger, 0, 0, $newSince) ON CONFLICT (job_id, "trigger", stream) DO NOTHING`,
      { jobId, trigger, stream, name, newSince },
    ),
  ),

  begin: write("durable", ({ jobId, trigger, stream }, { createdAt }) =>
    sql.run(`UPDATE message_consumers SET created_at = $createdAt WHERE ${OF_TRIGGER}`, {
      jobId,
      trigger,
      stream,
      createdAt,
    }),
  ),

  restart: write("durable", ({ jobId, trigger, stream }, { createdAt, position }) =>
    sql.run(
      `UPDATE message_consumers SET created_at = $createdAt, position = $position, new_since = NULL WHERE ${OF_TRIGGER}`,
      { jobId, trigger, stream, createdAt, position },
    ),
  ),

  advance: write("durable", ({ jobId, trigger, stream }, { createdAt, position }) =>
    sql.run(
      `UPDATE message_consumers SET position = $position, new_since = NULL
       WHERE ${OF_TRIGGER} AND created_at = $createdAt AND position < $position`,
      { jobId, trigger, stream, createdAt, position },
    ),
  ),

  remove: write("durable", ({ stream, name }) =>
    sql.run("DELETE FROM message_consumers WHERE stream = $stream AND name = $name", { stream, name }),
  ),
});

const toConsumer = (row: SqlRow): MessageConsumer => ({
  jobId: id<JobId>(row, "job_id"),
  trigger: text(row, "trigger"),
  stream: text(row, "stream"),
  name: text(row, "name"),
  createdAt: integer(row, "created_at") || null,
  position: integer(row, "position"),
  newSince: integerOrNull(row, "new_since"),
});
