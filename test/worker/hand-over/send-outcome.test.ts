import { describe, expect, test } from "bun:test";
import {
  MAX_ARTIFACTS,
  type OutcomeAnswer,
  readOutcome,
  type ShippedOutcome,
} from "../../../src/domain/workers/protocol.ts";
import { silentLog } from "../../../src/lib/log.ts";
import { InvalidRequest } from "../../../src/worker/contact/requests.ts";
import { fitOutcome, sendOutcome } from "../../../src/worker/hand-over/send-outcome.ts";

const outcomeWith = (files: number, path = "file"): ShippedOutcome => ({
  scheduler: "s",
  attempt: 5,
  epoch: 1,
  offset: 0,
  durationMs: 1,
  result: {
    outcome: { status: "completed", reason: null, error: null, exitCode: 0, signal: null },
    outputs: { rows: "42" },
    transient: false,
  },
  artifacts: Array.from({ length: files }, (_, index) => ({
    path: `${path}${index}`,
    size: 1,
    sha256: "0".repeat(64),
    object: `s/5/1/${index}`,
  })),
});

describe("an outcome", () => {
  test("stays as it is while the scheduler accepts its size", () => {
    const outcome = outcomeWith(100);
    expect(fitOutcome(outcome)).toBe(outcome);
  });

  test.each([
    [
      "the list of its files",
      outcomeWith(10_000, "a".repeat(2_000)),
      "10000 files have 20.2 MiB; a worker can send at most 16.0 MiB",
    ],
    [
      "the number of its files",
      outcomeWith(MAX_ARTIFACTS + 1, ""),
      "there are 100001 files; a worker can send at most 100000",
    ],
  ])("fails if %s is too large", (_, outcome, problem) => {
    const { artifacts, result } = readOutcome(fitOutcome(outcome));
    expect(artifacts).toEqual([]);
    expect(result).toMatchObject({ outcome: { status: "failed", reason: "artifacts_failed", exitCode: 0 } });
    expect(result.outcome.error).toContain(problem);
  });
});

describe("an outcome that the scheduler cannot read", () => {
  const sendTo = (isSameProtocol: boolean) => {
    const sent: ShippedOutcome[] = [];
    const outcome = async (message: ShippedOutcome | { readonly stored: string }): Promise<OutcomeAnswer> => {
      if ("stored" in message) throw new Error("it is small");
      if (sent.push(message) === 1) throw new InvalidRequest("it is odd");
      return { stored: true };
    };
    const transport = { putArtifact: async () => {} };
    const requests = { outcome, isSameProtocol };
    return { sent, answer: sendOutcome(outcomeWith(1), { requests, transport, log: silentLog, fields: {} }) };
  };

  test("makes the attempt fail", async () => {
    const { sent, answer } = sendTo(true);
    expect(await answer).toEqual({ stored: true });
    const { outcome } = readOutcome(sent[1]).result;
    expect(outcome).toMatchObject({
      status: "failed",
      error: expect.stringContaining("could not read the outcome that the worker sent: it is odd"),
    });
  });

  test("stays as it is for a scheduler of another protocol", async () => {
    const { sent, answer } = sendTo(false);
    await expect(answer).rejects.toThrow(InvalidRequest);
    expect(sent).toHaveLength(1);
  });
});
