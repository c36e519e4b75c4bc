import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readOffer } from "../../../src/domain/workers/protocol.ts";
import { remoteWorkers } from "../../../src/engine/workers/workers.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { generateSigningKey } from "../../../src/lib/wire/signing.ts";
import { schedulerTransport } from "../../../src/nats/scheduler-transport.ts";
import type { ReceivedOffer, WorkerTransport } from "../../../src/worker/transport.ts";
import { startEngine } from "../../support/engine/started-engine.ts";
import { NATS_VERSIONS, startNats } from "../../support/nats/server.ts";
import { startWorker } from "../../support/nats/transports.ts";
import { fakeWorker, holdOf } from "../../support/workers/fake-worker.ts";
import { remoteJob } from "../../support/workers/started.ts";

const startPetit = (url: string) => {
  const access = { urls: [url], credentialsFile: null, caFile: null, certFile: null, keyFile: null };
  const transport = schedulerTransport({ access, clock: systemClock, silenceMs: 300 });
  const workers = remoteWorkers({ transport, signingKeys: [generateSigningKey()], lostAfterMs: 60_000, url });
  return { transport, starting: startEngine({ jobs: [remoteJob("hello")], workers }) };
};

/** A worker whose requests go through a real server. */
const workerOver = (worker: WorkerTransport) =>
  fakeWorker(
    {
      request: async (_name, kind, header, body = new Uint8Array()) =>
        (await worker.request(kind, { header: header as object, body, timeoutMs: 10_000 })).header as object,
    },
    "a",
  );

const offerIn = (received: ReceivedOffer | null) =>
  readOffer(JSON.parse(new TextDecoder().decode(received?.frame?.body ?? new Uint8Array())));

describe.each(NATS_VERSIONS)("with nats-server %s", (version) => {
  test("an attempt completes on a worker although the server loses all data", async () => {
    await using nats = await startNats({ version });
    const { transport, starting } = startPetit(nats.url);
    await using _transport = transport;
    await using petit = await starting;
    await using link = startWorker(nats.url, "a", async () => ({ done: true }));
    await link.states.next("connected");
    const never = new AbortController().signal;
    const box = workerOver(link);
    const run = await petit.trigger("hello");
    const {
      sets: [set = ""],
    } = await untilServed(box);

    const first = offerIn(await link.nextOffer(set, never));
    await nats.kill();
    await link.states.next("disconnected");
    nats.wipe();
    await nats.start();
    await link.states.next("connected");
    const received = await link.nextOffer(set, never);
    const offer = offerIn(received);
    expect([offer.attempt, offer.epoch]).toEqual([first.attempt, first.epoch]);

    await box.hello();
    expect(await box.claim(offer)).toMatchObject({ granted: true });
    received?.remove();
    expect(await box.output(offer, 0, ["one\n"])).toEqual({ acknowledged: 4 });
    await petit.written(run.id, "one\n");
    const text = "kept";
    await link.putArtifact("s/1", new Blob([text]).stream());
    const sha256 = createHash("sha256").update(text).digest("hex");
    expect((await box.hello([holdOf(offer)])).verdicts).toMatchObject([{ verdict: "keep" }]);
    const artifacts = [{ path: "kept.txt", size: text.length, sha256, object: "s/1" }];
    expect(await box.outcome(offer, { offset: 4, artifacts })).toEqual({ stored: true });
    expect((await petit.ended(run.id)).summary).toBe("far completed");
    expect(petit.store.artifacts.list(run.id)).toMatchObject([{ path: "far/kept.txt" }]);
  });
});

/** Says hello until petit listens and knows a set of labels to serve. */
const untilServed = async (box: ReturnType<typeof workerOver>) => {
  for (;;) {
    const answer = await box.hello().catch(() => null);
    if (answer !== null && answer.sets.length > 0) return answer;
  }
};
