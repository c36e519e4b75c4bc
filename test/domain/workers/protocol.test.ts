import { describe, expect, test } from "bun:test";
import type { Run } from "../../../src/domain/run.ts";
import {
  type Claim,
  type ClaimAnswer,
  type Control,
  type ControlAnswer,
  claimProofBytes,
  type EndOrder,
  type FailureAnswer,
  type Hello,
  type HelloAnswer,
  type Hold,
  MAX_OUTPUT_BYTES,
  MessageError,
  type Offer,
  type OutcomeAnswer,
  type OutputAnswer,
  PROTOCOL,
  readClaim,
  readClaimAnswer,
  readControl,
  readControlAnswer,
  readHello,
  readHelloAnswer,
  readOffer,
  readOutcome,
  readOutcomeAnswer,
  readOutput,
  readOutputAnswer,
  readSignedOffer,
  type ShippedArtifact,
  type ShippedChunk,
  type ShippedFile,
  type ShippedOutcome,
  type ShippedOutput,
  type SignedOffer,
  type Verdict,
  type WireScope,
} from "../../../src/domain/workers/protocol.ts";
import { REFUSED_HELLOS } from "../../../src/domain/workers/worker.ts";
import { job, taskId } from "../../support/engine/factories.ts";
import { memoryStore, startRun } from "../../support/engine/factories-store.ts";

const RUN = stored();

const HOLD: Hold = { scheduler: "s", attempt: 7, epoch: 1, state: "running" };

const HELLO: Hello = {
  instance: "i",
  version: "1.0.0",
  protocol: PROTOCOL,
  labels: ["gpu"],
  slots: 2,
  address: "box7",
  draining: false,
  holds: [HOLD],
  sentAt: 12.5,
  now: 1_700_000_000_000,
};

const END: EndOrder = { reason: "cancelled", force: false };
const VERDICT: Verdict = { scheduler: "s", attempt: 7, epoch: 1, verdict: "keep", end: END };

const HELLO_ANSWER: HelloAnswer = {
  scheduler: "s",
  protocol: PROTOCOL,
  sentAt: 12.5,
  now: 1_700_000_000_001,
  refused: null,
  sets: ["0f"],
  verdicts: [VERDICT, { ...VERDICT, scheduler: "other", verdict: "unknown", end: null }],
  draining: false,
  lostAfterMs: 300_000,
};

const CLAIM: Claim = { scheduler: "s", attempt: 7, epoch: 1, instance: "i", nonce: "n" };
const GRANTED: ClaimAnswer = { granted: true, proof: "abc" };
const REFUSED: ClaimAnswer = { granted: false, reason: "taken", isOpen: false };

const CHUNKS: readonly ShippedChunk[] = [
  { stream: "stdout", at: 3, lines: 1, bytes: 6 },
  { stream: "stderr", at: 4, lines: 0, bytes: MAX_OUTPUT_BYTES, dropped: 900 },
];
const OUTPUT: ShippedOutput = { scheduler: "s", attempt: 7, epoch: 1, offset: 10, chunks: CHUNKS };

const FILE: ShippedFile = { sha256: "0".repeat(64), bytes: 3, name: "b.txt" };
const ARTIFACT: ShippedArtifact = { path: "a/b.txt", size: 3, sha256: FILE.sha256, object: "s/7/1/0" };

const OUTCOME: ShippedOutcome = {
  scheduler: "s",
  attempt: 7,
  epoch: 1,
  offset: 916,
  durationMs: 40,
  result: {
    outcome: { status: "failed", reason: "exit_code", error: "exit code 3", exitCode: 3, signal: null },
    outputs: { rows: "42" },
    transient: false,
  },
  artifacts: [ARTIFACT],
};

const definition = job("hello");
const OFFER: Offer = {
  scheduler: "s",
  attempt: 7,
  epoch: 1,
  labels: ["gpu"],
  expiresAt: 1_700_000_000_000,
  job: definition,
  run: RUN,
  item: { index: 0, key: "a", value: "a" },
  attemptNumber: 2,
  scope: {
    params: {},
    config: {},
    outputs: [[taskId("a"), { rows: "42" }]],
    statuses: [[taskId("a"), "completed"]],
    itemCounts: [],
    item: null,
    jobId: "hello",
    runId: RUN.id,
    scheduledFor: null,
  } satisfies WireScope,
  files: { "report.py": FILE },
  logLimitBytes: 100,
  artifactLimitBytes: 100,
  killGraceMs: 0,
  onInterrupt: "rerun",
  lostAfterMs: 1,
};
const SIGNED: SignedOffer = { signature: "abc" };

const failure: FailureAnswer = { failed: "unavailable" };
const acknowledged: OutputAnswer = { acknowledged: 16 };
const notYours: OutputAnswer & OutcomeAnswer = { refused: "not_yours" };
const outcomeAnswers: readonly OutcomeAnswer[] = [
  { stored: true },
  { again: "output", offset: 6 },
  { again: "artifacts" },
];
const control: Control = { kind: "end", scheduler: "s", attempt: 7, epoch: 1, reason: "timeout", force: true };
const done: ControlAnswer = { done: true };

describe("a message", () => {
  test.each([
    ["hello", readHello, HELLO],
    ["answer to a hello", readHelloAnswer, HELLO_ANSWER],
    ...REFUSED_HELLOS.map((refused) => ["refused hello", readHelloAnswer, { ...HELLO_ANSWER, refused }] as const),
    ["failure", readHelloAnswer, failure],
    ["claim", readClaim, CLAIM],
    ["granted claim", readClaimAnswer, GRANTED],
    ["refused claim", readClaimAnswer, REFUSED],
    ["failed claim", readClaimAnswer, failure],
    ["output", readOutput, OUTPUT],
    ["answer to output", readOutputAnswer, acknowledged],
    ["refused output", readOutputAnswer, notYours],
    ["outcome", readOutcome, OUTCOME],
    ...outcomeAnswers.map((answer) => ["answer to an outcome", readOutcomeAnswer, answer] as const),
    ["refused outcome", readOutcomeAnswer, notYours],
    ["order to end", readControl, control],
    ["order to drain", readControl, { kind: "drain" }],
    ["request to greet", readControl, { kind: "greet" }],
    ["answer to an order", readControlAnswer, done],
    ["signed offer", readSignedOffer, SIGNED],
    ["offer", readOffer, OFFER],
  ] as const)("is read as it was written: %s", (_name, read, message) => {
    expect<unknown>(read(JSON.parse(JSON.stringify(message)))).toEqual(message);
  });

  test.each([
    ["of another type", readHello, CLAIM],
    ["with an epoch of 0", readClaim, { ...CLAIM, epoch: 0 }],
    ["with a label that is none", readHello, { ...HELLO, labels: ["a b"] }],
    ["with a reason that is none", readControl, { ...control, reason: "fun" }],
    ["with a negative offset", readOutput, { ...OUTPUT, offset: -1 }],
    ["with a digest that is none", readOutcome, { ...OUTCOME, artifacts: [{ ...ARTIFACT, sha256: "0" }] }],
    ["that is null", readOffer, null],
  ] as const)("is refused if it is one %s", (_name, read, message) => {
    expect(() => read(message)).toThrow(MessageError);
  });
});

describe("of another protocol", () => {
  const protocol = PROTOCOL + 1;

  test.each([
    ["has none of the fields", { instance: "i", protocol }, { version: "unknown", labels: [], holds: [], now: null }],
    [
      "has other types",
      { ...HELLO, protocol, labels: "gpu", slots: [2], holds: {} },
      { labels: [], slots: 0, holds: [] },
    ],
    ["has the same fields", { ...HELLO, protocol, more: 1 }, { ...HELLO, protocol }],
    ["has another optional field", { ...HELLO, protocol, leaving: "soon" }, { instance: "i" }],
  ])("a hello is read as far as it can be if it %s", (_name, message, expected) => {
    expect(readHello(message)).toMatchObject({ ...expected, instance: "i", protocol });
  });

  test("a hello without an instance is refused", () => {
    expect(() => readHello({ ...HELLO, protocol, instance: 1 })).toThrow(MessageError);
  });

  test("an answer to a hello refuses the worker, whatever else it says", () => {
    const message = { scheduler: "s", protocol, refused: { code: "too_old" }, verdicts: [{ kill: 7 }] };
    expect(readHelloAnswer(message)).toMatchObject({ refused: "protocol", sets: [], verdicts: [], lostAfterMs: null });
  });
});

test("what a claim proves differs in each of its values", () => {
  const claim = { scheduler: "s", attempt: 7, epoch: 1, worker: "box7", nonce: "n" };
  const texts = [
    claim,
    { ...claim, scheduler: "t" },
    { ...claim, attempt: 8 },
    { ...claim, epoch: 2 },
    { ...claim, worker: "box8" },
    { ...claim, nonce: "m" },
  ].map((each) => Buffer.from(claimProofBytes(each)).toString());
  expect(new Set(texts).size).toBe(6);
});

/** Returns a run as petit stores it. */
function stored(): Run {
  using store = memoryStore();
  return startRun(store);
}
