import type { JobId } from "../../domain/ids.ts";
import type { SqlRow } from "../../runtime/runtime.ts";
import type { StoreContext } from "../context.ts";
import { id, integer, text } from "../database/rows.ts";

/** The consumer of a `nats` trigger in NATS, and how far its messages are accounted for. */
export type MessageConsumer = {
  readonly jobId: JobId;
  /** The name of the trigger, or else its stream. */
  readonly trigger: string;
  readonly stream: string;
  /** Its name in NATS. */
  readonly name: string;
  /** When the stream was created, in ms since the Unix epoch. */
  readonly createdAt: number;
  /** The highest number of a message that is accounted for, or before the first one, of those that do not count. */
  readonly position: number;
};

type Key = Pick<MessageConsumer, "jobId" | "trigger" | "stream">;

/** The consumers of `nats` triggers, also of those that are gone, until they are deleted in NATS. */
export interface MessageConsumerStore {
  /** Returns the consumer of a trigger for its stream, or null. */
  find(key: Key): MessageConsumer | null;
  /** Returns whether a trigger has the consumer of that name. */
  has(consumer: Pick<MessageConsumer, "stream" | "name">): boolean;
  list(): readonly MessageConsumer[];
  add(consumer: MessageConsumer): void;
  /** Notes that there is another stream of that name, or that it has fewer messages than before, and what is accounted for in it. */
  restart(key: Key, state: Pick<MessageConsumer, "createdAt" | "position">): void;
  /** Notes that a message of that stream is accounted for. */
  advance(key: Key, state: Pick<MessageConsumer, "createdAt" | "position">): void;
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

  add: write("durable", ({ jobId, trigger, stream, name, createdAt, position }) =>
    sql.run(
      `INSERT INTO message_consumers (stream, name, job_id, "trigger", created_at, position)
       VALUES ($stream, $name, $jobId, $trigger, $createdAt, $position)`,
      { jobId, trigger, stream, name, createdAt, position },
    ),
  ),

  restart: write("durable", ({ jobId, trigger, stream }, { createdAt, position }) =>
    sql.run(`UPDATE message_consumers SET created_at = $createdAt, position = $position WHERE ${OF_TRIGGER}`, {
      jobId,
      trigger,
      stream,
      createdAt,
      position,
    }),
  ),

  advance: write("durable", ({ jobId, trigger, stream }, { createdAt, position }) =>
    sql.run(
      `UPDATE message_consumers SET position = $position
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
  createdAt: integer(row, "created_at"),
  position: integer(row, "position"),
});
