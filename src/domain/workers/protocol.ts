import { type Static, type TProperties, type TSchema, Type } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import type { Json } from "../../lib/json.ts";
import { MAX_SIGNING_KEYS } from "../../lib/wire/signing.ts";
import type { TraceParent } from "../../lib/wire/trace-parent.ts";
import type { TaskId } from "../ids.ts";
import type { Item } from "../item.ts";
import { INTERRUPT_POLICIES, type Job } from "../job.ts";
import { ENDING_REASONS, REASONS, type Run } from "../run.ts";
import { type Outputs, STREAMS, type TaskStatus } from "../task-run.ts";
import { USAGE_SOURCES } from "../usage.ts";
import { LABEL_PATTERN, MAX_LABELS } from "./labels.ts";
import { REFUSED_HELLOS } from "./worker.ts";

/**
 * The version of the messages between petit and its workers. A worker of another version keeps what it runs, and gets no new
 * work.
 */
export const PROTOCOL = 1;

/** Maximum of output in one message, in bytes. */
export const MAX_OUTPUT_BYTES = 262_144;

/** How many attempts a claim can pass over. */
export const MAX_PASSED = 16;

/** Maximum size of an outcome, in bytes, and of the artifacts in it. */
export const MAX_OUTCOME_BYTES = 16 * 2 ** 20;
export const MAX_ARTIFACTS = 100_000;

const words = <const Words extends readonly string[]>(values: Words) =>
  Type.Unsafe<Words[number]>(Type.Union(values.map((value) => Type.Literal(value))));

const orNull = <Schema extends TSchema>(schema: Schema) => Type.Union([schema, Type.Null()]);

/** Unknown fields are ignored. */
const record = <Properties extends TProperties>(properties: Properties) => Type.Object(properties);

/** Data that the scheduler wrote and signed. Its shape is not checked again. */
const trusted = <T>() => Type.Unsafe<T>(Type.Object({}));

const id = Type.Integer({ minimum: 1 });
const count = Type.Integer({ minimum: 0 });
const token = Type.String({ minLength: 1, maxLength: 128 });
const sha256 = Type.String({ pattern: "^[0-9a-f]{64}$" });
const labels = Type.Array(Type.String({ pattern: LABEL_PATTERN }), { maxItems: MAX_LABELS });

/** Maximum length of what a worker says for people about its limits. */
export const MAX_SENTENCE = 512;

/** It gets into terminals, so it has no control characters. */
const sentence = Type.String({ maxLength: MAX_SENTENCE, pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" });

/** A later version may have more features, so they are not checked. */
const features = Type.Array(Type.String({ maxLength: 64 }), { maxItems: 256 });

/**
 * An attempt of a database, and how often it was offered. A claim, an end and an outcome name all of it: petit ignores those of an
 * earlier epoch, and those of an attempt of an earlier database, whose ids are the same.
 */
const key = { scheduler: token, attempt: id, epoch: id };

/** The values for the templates of a task: `TemplateScope` with its maps as lists of entries. */
export type WireScope = {
  readonly params: Run["params"];
  readonly config: { readonly [key: string]: Json };
  readonly outputs: readonly (readonly [TaskId, Outputs])[];
  readonly statuses: readonly (readonly [TaskId, TaskStatus])[];
  readonly itemCounts: readonly (readonly [TaskId, number])[];
  readonly item: Item | null;
  readonly jobId: string;
  readonly runId: string;
  readonly scheduledFor: number | null;
  /** Missing in an offer of an earlier version. */
  readonly intervalStart?: number | null;
};

/** A file that is sent by its content. `name` is its name without folders. */
const shippedFile = record({ sha256, bytes: count, name: Type.String({ minLength: 1, maxLength: 255 }) });

const OFFER = record({
  /** `scheduler` is the id of the database of the petit that offers it. */
  ...key,
  /** A worker must have all of them. In canonical order. */
  labels,
  /** The features that its task uses. A worker that does not know one refuses the offer. Missing in one of an earlier version. */
  features: Type.Optional(features),
  /** Ms since the Unix epoch, by the clock of the scheduler. */
  expiresAt: count,
  /** Its only task is the one to run. */
  job: trusted<Job>(),
  run: trusted<Run>(),
  item: orNull(trusted<Item>()),
  /** The span of the attempt, which its program continues. Missing without traces. A worker of an earlier version ignores it. */
  trace: Type.Optional(trusted<TraceParent>()),
  /** The number of the attempt of its task, from 1. */
  attemptNumber: id,
  scope: trusted<WireScope>(),
  /** By the path that the job file names. */
  files: Type.Record(Type.String(), shippedFile),
  logLimitBytes: count,
  artifactLimitBytes: count,
  killGraceMs: count,
  onInterrupt: words(INTERRUPT_POLICIES),
  lostAfterMs: id,
});

/** In base64. */
const signature = Type.String({ minLength: 1, maxLength: 256 });

/** petit signs with several keys while its key is replaced. One signature by a trusted key is enough. */
const furtherSignatures = Type.Optional(Type.Array(signature, { maxItems: MAX_SIGNING_KEYS - 1 }));

/** The header of a published offer. The body is the JSON of the offer, exactly as it was signed. */
const SIGNED_OFFER = record({ signature, further: furtherSignatures });

/** See `WorkerProcess`. */
const workerProcess = record({ id: token, file: Type.String({ maxLength: 255 }) });

const HOLD_STATES = ["claiming", "running", "ended"] as const;

const HELLO = record({
  /** Random, stored in the worker's state folder: another one is another worker, even with the same name. */
  instance: token,
  /** The process of the worker. Missing in a worker of an earlier version. */
  process: Type.Optional(workerProcess),
  version: token,
  protocol: count,
  labels,
  slots: count,
  /** The types of tasks that it runs. Missing if it runs all. A later version may have more types, so they are not checked. */
  allowedTypes: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 })),
  /** The features that it knows. Missing in a worker of the first version. */
  features: Type.Optional(features),
  /** The limits that it can enforce (`CGROUP_LIMITS`). A later version may have more. Missing in a worker of an earlier version. */
  limits: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { maxItems: 64 })),
  /** Why it can't enforce all, and what to do about it. Missing if it can, or if it does not say. */
  limitsGap: Type.Optional(record({ reason: sentence, advice: sentence })),
  /** The public keys that it trusts. Missing if it does not say. */
  trusts: Type.Optional(Type.Array(token, { maxItems: 256 })),
  /** Why it can't store anything, as its system says. Missing if it can. */
  cannotStore: Type.Optional(Type.String({ maxLength: 1_024 })),
  /** The host name or address of the worker, to display. */
  address: Type.String({ maxLength: 255 }),
  /** True if it takes no new work. */
  draining: Type.Boolean(),
  /** True if it stops now and has no attempts. Its name is free at once. */
  leaving: Type.Optional(Type.Boolean()),
  /** The attempts that it was granted and has not handed over completely, and its claims that have no answer yet. */
  holds: Type.Array(
    record({
      ...key,
      state: words(HOLD_STATES),
      /** Why it can't be handed over: what NATS says about its artifacts. Missing if nothing keeps it. */
      problem: Type.Optional(Type.String({ maxLength: 1_024 })),
    }),
    { maxItems: 100_000 },
  ),
  /**
   * Attempts that petit asked for with the verdict `missing`, or that it was granted and could not store. It does not have them: it has not
   * started them, and never will.
   */
  lacks: Type.Optional(Type.Array(record(key), { maxItems: 100_000 })),
  /** The `lost_after` of the last answer, by which the worker's lease counts, in ms. Missing before the first answer. */
  lostAfterMs: Type.Optional(count),
  /** The worker's monotonic clock; the answer repeats it. */
  sentAt: Type.Number(),
  /** The worker's wall clock; null if petit cannot read it, because the worker is of another protocol. */
  now: orNull(Type.Number()),
});

/** Tells the worker to end an attempt. `force` kills the process without waiting for the rest of the grace period. */
const endOrder = record({ reason: words(ENDING_REASONS), force: Type.Boolean() });

/**
 * - `keep`: the attempt is the worker's.
 * - `kill`: it is no longer the worker's, which ends it and deletes what it has of it.
 * - `unknown`: the attempt is of another petit.
 * - `missing`: petit's database says that the worker has the attempt, but its hello did not list it. If the worker does not have it, and
 *   does not wait for the answer to its claim, it says so at once, in `lacks` of another hello. A hello alone proves nothing: it may have
 *   been sent before the claim and have arrived after it.
 */
const VERDICTS = ["keep", "kill", "unknown", "missing"] as const;

const HELLO_ANSWER = record({
  scheduler: token,
  /**
   * Another one each time that petit connects. Requests that the worker sent before have no answer any more, so it sends them again at
   * once.
   */
  session: Type.Optional(token),
  protocol: count,
  sentAt: Type.Number(),
  /** The scheduler's wall clock; null if the worker cannot read it, because petit is of another protocol. */
  now: orNull(Type.Number()),
  /** The public keys with which petit signs. */
  keys: Type.Optional(Type.Array(token)),
  /** Why the worker gets no work; null if it does. A worker whose name is in use, or that is a copy, gets no verdicts either. */
  refused: orNull(words(REFUSED_HELLOS)),
  /** The label sets whose offers it may pull. */
  sets: Type.Array(Type.String()),
  /** One for each attempt that the worker listed, or that it has by petit's database. */
  verdicts: Type.Array(record({ ...key, verdict: words(VERDICTS), end: orNull(endOrder) })),
  /** True if it was drained by `petit worker drain`. */
  draining: Type.Boolean(),
  /** Null as for `now`. */
  lostAfterMs: orNull(id),
});

const CLAIM = record({
  ...key,
  instance: token,
  process: Type.Optional(workerProcess),
  nonce: token,
  /** The number in the stream of the message with the offer. petit recognizes by it an offer that somebody else published again. */
  message: Type.Optional(id),
  /** The attempts that the worker was told to start before this one, and could not. Missing if it starts only what it claims. */
  passed: Type.Optional(Type.Array(id, { maxItems: MAX_PASSED })),
  /** False if it can't take attempts that may be started elsewhere after `lost_after`. Missing if it can. */
  takesRerun: Type.Optional(Type.Boolean()),
});

/** An offer in the answer to a claim, signed like a published one: its JSON, or the name of the file of scripts that has it. */
const HANDED_OFFER = Type.Union([
  record({ attempt: id, signature, further: furtherSignatures, offer: Type.String() }),
  record({ attempt: id, signature, further: furtherSignatures, stored: sha256 }),
]);

/**
 * Why a claim is refused:
 * - `taken`: another claim won, or the attempt has ended, or was offered again.
 * - `replayed`: as `taken`, and the offer came in a message that petit did not publish.
 * - `unknown`: petit has no such attempt.
 * - `labels`: the worker does not serve the labels, does not know a feature that the task uses, or can't enforce its limits. Workers of the first version, which
 *   claim attempts without checking that, know no other reason for it.
 * - `drained`, `protocol`, `name_in_use`, `copied`, `untrusted`, `storage`: this worker gets no work.
 * - `not_ready`: petit starts or stops.
 */
const CLAIM_REFUSALS = [
  "taken",
  "replayed",
  "unknown",
  "labels",
  "drained",
  "protocol",
  "name_in_use",
  "copied",
  "untrusted",
  "storage",
  "not_ready",
] as const;

const CLAIM_ANSWER = Type.Union([
  record({
    granted: Type.Literal(true),
    /** Signature over `claimProofBytes`, in base64: without it, a forged answer could start an old offer again. */
    proof: Type.String(),
    further: furtherSignatures,
  }),
  record({
    granted: Type.Literal(false),
    reason: words(CLAIM_REFUSALS),
    /** True if the offer is still open: the worker gives it back to the queue. Otherwise the worker drops it. */
    isOpen: Type.Boolean(),
  }),
  record({
    granted: Type.Literal(false),
    /** An attempt with a higher priority, or an older one, waits for a worker like this one: `first` is its offer. */
    reason: Type.Literal("not_first"),
    isOpen: Type.Literal(true),
    first: HANDED_OFFER,
  }),
]);

/**
 * Lines that were read at the same time, or output that the worker's limit dropped: then `dropped` is the number of bytes and
 * both other numbers are 0.
 */
const shippedChunk = record({
  stream: words(STREAMS),
  /** Ms since the claim. */
  at: count,
  lines: count,
  bytes: Type.Integer({ minimum: 0, maximum: MAX_OUTPUT_BYTES }),
  dropped: Type.Optional(count),
});

const OUTPUT = record({
  ...key,
  /** The number of bytes of output before these, including dropped ones. */
  offset: count,
  chunks: Type.Array(shippedChunk, { maxItems: 10_000 }),
});

/** Refuses output or an outcome because the attempt is not, or no longer, this worker's. The worker ends and deletes it. */
const notYours = record({ refused: Type.Literal("not_yours") });

/**
 * Acknowledges output. `acknowledged` is the position up to which all output is on disk. The worker continues there. If it is less than
 * `offset` of the message, output before the message is missing.
 */
const OUTPUT_ANSWER = Type.Union([record({ acknowledged: count }), notYours]);

const text = Type.String({ maxLength: 1_048_576 });

/** More CPU time than any attempt uses, in ms: sums of it stay exact. */
const MAX_CPU_MS = 1e12;
const cpuMs = Type.Integer({ minimum: 0, maximum: MAX_CPU_MS });
const bytes = (minimum: number) => Type.Integer({ minimum, maximum: Number.MAX_SAFE_INTEGER });

/** See `Usage`. */
const usage = record({
  cpuUserMs: cpuMs,
  cpuSystemMs: cpuMs,
  memoryPeakBytes: orNull(bytes(0)),
  source: words(USAGE_SOURCES),
});

const RESULT = record({
  outcome: record({
    status: words(["completed", "failed"]),
    reason: orNull(words(REASONS)),
    error: orNull(text),
    exitCode: orNull(Type.Integer()),
    signal: orNull(Type.String({ maxLength: 32 })),
  }),
  outputs: Type.Record(Type.String(), text),
  transient: Type.Boolean(),
  skips: Type.Optional(Type.Literal(true)),
  retryAfterMs: Type.Optional(count),
  /** What it used, and which of its limits were in force: see `AttemptUsage`. Missing in an outcome of an earlier version. */
  usage: Type.Optional(orNull(usage)),
  memoryLimitBytes: Type.Optional(orNull(bytes(1))),
  limitsEnforced: Type.Optional(orNull(Type.Boolean())),
});

const OUTCOME = record({
  ...key,
  /** The total size of the output in bytes. petit accepts the outcome only when it has stored all of it. */
  offset: count,
  /** Ms from the claim to the end. */
  durationMs: count,
  result: RESULT,
  /** The artifacts of the attempt. `object` is the name of each in the object store. */
  artifacts: Type.Array(
    record({ path: Type.String({ minLength: 1, maxLength: 4_096 }), size: count, sha256, object: token }),
    { maxItems: MAX_ARTIFACTS },
  ),
});

/** Replaces an outcome that is too large for a message: its frame is in the object store, among the artifacts of the worker. */
const STORED_OUTCOME = record({ stored: token });

const OUTCOME_ANSWER = Type.Union([
  record({ stored: Type.Literal(true) }),
  /** Output is missing: the worker continues from `offset`. */
  record({ again: Type.Literal("output"), offset: count }),
  /** Artifacts are missing in the object store: the worker stores all of them again. */
  record({ again: Type.Literal("artifacts") }),
  notYours,
]);

/**
 * The answer to a request that failed. `unavailable`: the worker repeats it later. `invalid`: petit cannot read the request; `detail` says
 * why.
 */
const FAILURE = record({ failed: words(["unavailable", "invalid"]), detail: Type.Optional(Type.String()) });

const CONTROL = Type.Union([
  record({ kind: Type.Literal("end"), ...key, reason: words(ENDING_REASONS), force: Type.Boolean() }),
  record({ kind: Type.Literal("drain") }),
  record({ kind: Type.Literal("resume") }),
  /** Tells the worker to say hello at once, because the answer will have changed, for example its label sets. */
  record({ kind: Type.Literal("greet") }),
]);

const CONTROL_ANSWER = record({ done: Type.Boolean() });

type DeepReadonly<T> = T extends readonly (infer Element)[]
  ? readonly DeepReadonly<Element>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

type Message<Schema extends TSchema> = DeepReadonly<Static<Schema>>;

export type Offer = Omit<Message<typeof OFFER>, "job" | "run" | "item" | "scope"> & {
  readonly job: Job;
  readonly run: Run;
  readonly item: Item | null;
  readonly scope: WireScope;
};
export type SignedOffer = Message<typeof SIGNED_OFFER>;
export type ShippedFile = Message<typeof shippedFile>;
export type Hello = Message<typeof HELLO>;
export type Hold = Hello["holds"][number];
export type HelloAnswer = Message<typeof HELLO_ANSWER>;
export type Verdict = HelloAnswer["verdicts"][number];
export type EndOrder = Message<typeof endOrder>;
export type Claim = Message<typeof CLAIM>;
export type HandedOffer = Message<typeof HANDED_OFFER>;
export type ClaimAnswer = Message<typeof CLAIM_ANSWER>;
export type ShippedOutput = Message<typeof OUTPUT>;
export type ShippedChunk = ShippedOutput["chunks"][number];
export type OutputAnswer = Message<typeof OUTPUT_ANSWER>;
export type ShippedOutcome = Message<typeof OUTCOME>;
export type ShippedArtifact = ShippedOutcome["artifacts"][number];
export type OutcomeAnswer = Message<typeof OUTCOME_ANSWER>;
export type FailureAnswer = Message<typeof FAILURE>;
export type Control = Message<typeof CONTROL>;
export type ControlAnswer = Message<typeof CONTROL_ANSWER>;

/** Thrown for a message that does not follow the protocol. */
export class MessageError extends Error {
  override readonly name = "MessageError";
}

/** Returns a function that compiles a schema at its first use. */
const compiled = <Schema extends TSchema>(schema: Schema): (() => TypeCheck<Schema>) => {
  let check: TypeCheck<Schema> | null = null;
  return () => {
    check ??= TypeCompiler.Compile(schema);
    return check;
  };
};

/** Returns a function that returns a message if it fits the schema. It throws MessageError. */
const reader = <Schema extends TSchema>(name: string, schema: Schema) => {
  const getCheck = compiled(schema);
  return (json: unknown): Message<Schema> => {
    const check = getCheck();
    if (check.Check(json)) return json as Message<Schema>;
    const problem = check.Errors(json).First();
    throw new MessageError(`the message is no ${name}: ${problem?.path ?? ""} ${problem?.message ?? ""}`);
  };
};

/** What a hello and its answer have in any version of the protocol. */
const OF_ANY_PROTOCOL = compiled(record({ protocol: count }));

/**
 * Returns a function like `read`, for the messages by which each side learns the protocol of the other one. If such a message is of
 * another protocol, fields that this version cannot read are replaced by those of `unreadable`, or left out.
 */
const ofAnyProtocol = <T>(read: (json: unknown) => T, schema: TSchema, unreadable: Partial<T>) => {
  const getCheck = compiled(schema);
  return (json: unknown): T => {
    if (!OF_ANY_PROTOCOL().Check(json) || json.protocol === PROTOCOL) return read(json);
    const problems = new Set([...getCheck().Errors(json)].map(({ path }) => path.split("/")[1]));
    const readable = Object.entries(json).filter(([field]) => !problems.has(field));
    return read({ ...unreadable, ...Object.fromEntries(readable) });
  };
};

const UNREADABLE_HELLO: Partial<Hello> = {
  version: "unknown",
  labels: [],
  slots: 0,
  address: "",
  draining: false,
  holds: [],
  sentAt: 0,
  now: null,
};

const UNREADABLE_ANSWER: Partial<HelloAnswer> = {
  sentAt: 0,
  now: null,
  refused: "protocol",
  sets: [],
  verdicts: [],
  draining: false,
  lostAfterMs: null,
};

export const readOffer = reader("offer", OFFER) as unknown as (json: unknown) => Offer;
export const readSignedOffer = reader("signed offer", SIGNED_OFFER);
/** Needs only `instance` of a worker of another protocol. */
export const readHello = ofAnyProtocol(reader("hello", HELLO), HELLO, UNREADABLE_HELLO);
/** Needs only `scheduler` of a petit of another protocol. */
export const readHelloAnswer = ofAnyProtocol(
  reader("answer to a hello", Type.Union([HELLO_ANSWER, FAILURE])),
  HELLO_ANSWER,
  UNREADABLE_ANSWER,
);
export const readClaim = reader("claim", CLAIM);
export const readClaimAnswer = reader("answer to a claim", Type.Union([CLAIM_ANSWER, FAILURE]));
export const readOutput = reader("output", OUTPUT);
export const readOutputAnswer = reader("answer to output", Type.Union([OUTPUT_ANSWER, FAILURE]));
export const readOutcome = reader("outcome", OUTCOME);
export const readStoredOutcome = reader("outcome in the object store", STORED_OUTCOME);
export const readOutcomeAnswer = reader("answer to an outcome", Type.Union([OUTCOME_ANSWER, FAILURE]));
export const readControl = reader("control message", CONTROL);
export const readControlAnswer = reader("answer to a control message", CONTROL_ANSWER);

/** The contexts of signatures. The signature of an offer is over its JSON. */
export const OFFER_CONTEXT = "petit offer v1";
export const CLAIM_CONTEXT = "petit claim v1";

export type ClaimProof = {
  readonly scheduler: string;
  readonly attempt: number;
  readonly epoch: number;
  readonly worker: string;
  readonly nonce: string;
};

/** Returns the bytes that are signed to prove that a claim was granted. */
export const claimProofBytes = ({ scheduler, attempt, epoch, worker, nonce }: ClaimProof): Uint8Array =>
  new TextEncoder().encode(JSON.stringify([scheduler, attempt, epoch, worker, nonce]));
