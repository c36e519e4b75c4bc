import {
  type Claim,
  type ClaimAnswer,
  type FailureAnswer,
  type Hello,
  type HelloAnswer,
  type Hold,
  PROTOCOL,
  readClaimAnswer,
  readHelloAnswer,
  readOutcomeAnswer,
  readOutputAnswer,
  type ShippedChunk,
  type ShippedOutcome,
} from "../../../src/domain/workers/protocol.ts";
import type { FakeTransport } from "./fake-transport.ts";

type Attempt = { readonly scheduler: string; readonly attempt: number; readonly epoch: number };

const COMPLETED: ShippedOutcome["result"] = {
  outcome: { status: "completed", reason: null, error: null, exitCode: 0, signal: null },
  outputs: {},
  transient: false,
};

/** A worker whose messages a test chooses. */
export const fakeWorker = (transport: Pick<FakeTransport, "request">, name: string, given: Partial<Hello> = {}) => {
  const identity = {
    instance: `instance of ${name}`,
    version: "1.0.0",
    protocol: PROTOCOL,
    labels: ["gpu"],
    slots: 1,
    address: "127.0.0.1",
    draining: false,
    ...given,
  };

  const hello = async (holds: readonly Hold[] = [], more: Partial<Hello> = {}): Promise<HelloAnswer> => {
    const message: Hello = { ...identity, holds, sentAt: 1, now: 0, ...more };
    const answer = readHelloAnswer(await transport.request(name, "hello", message));
    if ("failed" in answer) throw new Error(`the hello failed: ${answer.failed}`);
    return answer;
  };

  const claim = async (
    { scheduler, attempt, epoch }: Attempt,
    more: Partial<Claim> = {},
  ): Promise<ClaimAnswer | FailureAnswer> => {
    const claimed = { scheduler, attempt, epoch };
    const message: Claim = { ...claimed, instance: identity.instance, nonce: `${name} ${attempt}`, ...more };
    return readClaimAnswer(await transport.request(name, "claim", message));
  };

  const output = async (
    { scheduler, attempt, epoch }: Attempt,
    offset: number,
    texts: readonly (string | number)[],
  ) => {
    const chunks = texts.map((text): ShippedChunk => {
      const chunk = { stream: "stdout", at: 1, lines: 1 } as const;
      return typeof text === "string"
        ? { ...chunk, bytes: Buffer.byteLength(text) }
        : { ...chunk, bytes: 0, lines: 0, dropped: text };
    });
    const body = Buffer.from(texts.filter((text) => typeof text === "string").join(""));
    const message = { scheduler, attempt, epoch, offset, chunks };
    return readOutputAnswer(await transport.request(name, "output", message, body));
  };

  const outcome = async ({ scheduler, attempt, epoch }: Attempt, more: Partial<ShippedOutcome> = {}) => {
    const message: ShippedOutcome = {
      ...{ scheduler, attempt, epoch, offset: 0, durationMs: 5, result: COMPLETED, artifacts: [] },
      ...more,
    };
    return readOutcomeAnswer(await transport.request(name, "outcome", message));
  };

  return { name, hello, claim, output, outcome };
};

/** Returns how a worker lists an attempt in its hello. */
export const holdOf = ({ scheduler, attempt, epoch }: Attempt, state: Hold["state"] = "running"): Hold => ({
  scheduler,
  attempt,
  epoch,
  state,
});
