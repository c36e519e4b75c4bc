import type { Job } from "../../../domain/job.ts";
import type { Offer } from "../../../domain/workers/protocol.ts";
import { expandTemplate, hasTemplate } from "../../../jobfile/template.ts";
import type { LiveAttempt } from "../live-attempt.ts";
import { offeredTask } from "../offered-task.ts";
import { encodeScope } from "./scope-json.ts";
import { eventToShip, type FileToShip, readFilesToShip } from "./shipped-files.ts";

export type OfferContext = {
  /** The id of the database. */
  readonly scheduler: string;
  /** Ms since the Unix epoch. */
  readonly expiresAt: number;
  readonly lostAfterMs: number;
};

/**
 * Returns everything that a worker needs to run an attempt, and the contents of the files that it names. Throws SpawnError if a file is
 * missing.
 */
export const buildOffer = (
  { options, offer: { attemptId, epoch, labels }, needs: { features } }: LiveAttempt,
  { scheduler, expiresAt, lostAfterMs }: OfferContext,
): { readonly offer: Offer; readonly files: readonly FileToShip[] } => {
  const { job, task, run, item, trace } = options.context;
  const { settings } = options.services;
  const scope = options.context.scope();
  const expand = (text: string): string => (hasTemplate(text) ? expandTemplate(text, scope) : text);
  const named = readFilesToShip(task, { folder: job.source.folder, expand });
  const files = run.deliveryId === null ? named : [...named, eventToShip(scope.event)];
  const own = jobOf(job, offeredTask(options));
  // A template names a task by its id. This may also find tasks that are not needed, which does no harm.
  const text = JSON.stringify(own);
  const offer: Offer = {
    scheduler,
    attempt: attemptId,
    epoch,
    labels,
    expiresAt,
    features,
    job: own,
    run,
    item,
    ...(trace !== null && { trace }),
    attemptNumber: options.attempt.attempt,
    scope: encodeScope(scope, (taskId) => text.includes(taskId)),
    files: Object.fromEntries(files.map(({ path, shipped }) => [path, shipped])),
    logLimitBytes: settings.logLimitBytes,
    artifactLimitBytes: settings.artifactLimitBytes,
    killGraceMs: job.killGraceMs ?? settings.killGraceMs,
    onInterrupt: job.onInterrupt ?? settings.onInterrupt,
    lostAfterMs,
  };
  return { offer, files };
};

/**
 * Encodes an offer as JSON. From `stableFrom` on, the bytes are the same each time that its attempt is offered: what changes comes first.
 */
export const encodeOffer = ({
  scheduler,
  attempt,
  epoch,
  labels,
  expiresAt,
  ...rest
}: Offer): { readonly body: Uint8Array; readonly stableFrom: number } => {
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
  const head = `${JSON.stringify({ scheduler, attempt, epoch, labels, expiresAt }).slice(0, -1)},`;
  return { body: encode(head + JSON.stringify(rest).slice(1)), stableFrom: encode(head).length };
};

/** Returns the part of a definition that one task needs. */
const jobOf = (job: Job, task: Job["tasks"][number]): Job => {
  const { notify: _notify, hasDefaultNotify: _default, links: _links, source, ...rest } = job;
  const { document: _document, ...place } = source;
  return { ...rest, description: null, tasks: [task], source: place };
};
