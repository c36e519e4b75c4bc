import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, errors, type NatsConnection, nkeyAuthenticator } from "@nats-io/transport-node";
import { encodeFrame } from "../../src/lib/wire/frame.ts";
import { makeUserKey } from "../../src/nats/credentials.ts";
import { startSecuredNats } from "../support/nats/secured.ts";
import { NATS_VERSIONS, type NatsServer, type NatsVersion, startNats } from "../support/nats/server.ts";
import { startScheduler, startWorker } from "../support/nats/transports.ts";
import { tempDir } from "../support/temp-dir.ts";

const SET = "0123456789abcdef0123456789abcdef";
const NEVER = new AbortController().signal;

const startSecured = async (version: NatsVersion) => {
  const secured = await startSecuredNats(version);
  const { nats, keyOf } = secured;
  return {
    nats,
    as: (user: string) => ({ url: nats.url, credentialsFile: keyOf(user) }),
    connectAs: (user: string) => connectAs(nats, readFileSync(keyOf(user), "utf8").trim(), user),
    [Symbol.asyncDispose]: () => secured[Symbol.asyncDispose](),
  };
};

const connectAs = (nats: NatsServer, seed: string, user: string): Promise<NatsConnection> =>
  connect({
    servers: nats.url,
    authenticator: nkeyAuthenticator(new TextEncoder().encode(seed)),
    inboxPrefix: `_INBOX_${user}`,
    reconnect: false,
  });

const refused = { cause: expect.any(errors.PermissionViolationError) };

describe.each(NATS_VERSIONS)("under the permissions of the printed configuration, nats-server %s", (version) => {
  test("scheduler and worker can do all of their parts", async () => {
    await using secured = await startSecured(version);
    await using scheduler = startScheduler(secured.as("scheduler"), async ({ worker, kind }) => ({ worker, kind }));
    await using worker = startWorker(secured.as("a"), "a", async () => ({ done: true }));
    await scheduler.states.next("connected");
    await worker.states.next("connected");
    await scheduler.openArtifacts("a");
    await scheduler.putScript("abc", new Uint8Array([1]));
    await scheduler.openSets([SET]);
    const publish = (attempt: number) =>
      scheduler.publishOffer({ set: SET, id: `${attempt}:1`, header: { attempt }, body: new Uint8Array() });
    await publish(1);
    (await worker.nextOffer(SET, NEVER))?.giveBack(0);
    const offer = await worker.nextOffer(SET, NEVER);
    expect(offer?.frame?.header).toEqual({ attempt: 1 });
    for (const kind of ["hello", "claim", "output", "outcome"] as const)
      expect((await worker.request(kind, { header: {}, timeoutMs: 5_000 })).header).toEqual({ worker: "a", kind });
    offer?.remove();
    expect(await worker.getScript("abc")).toEqual(new Uint8Array([1]));
    await worker.putArtifact("x", new Blob(["old"]).stream());
    await worker.putArtifact("x", new Blob(["new"]).stream());
    expect(await new Response(await scheduler.getArtifact("a", "x")).text()).toBe("new");
    await scheduler.deleteArtifact("a", "x");
    expect((await scheduler.control("a", {}, 5_000)).header).toEqual({ done: true });
  });

  test("a worker can't speak for another one, publish offers, answer claims, or read what is not its own", async () => {
    await using secured = await startSecured(version);
    const requests: unknown[] = [];
    await using scheduler = startScheduler(secured.as("scheduler"), async (request) => {
      requests.push(request);
      return {};
    });
    await scheduler.states.next("connected");
    await scheduler.openArtifacts("b");
    await scheduler.putScript("abc", encodeFrame({ attempt: 1 }));
    const attacker = await secured.connectAs("a");
    const subjects = [
      "petit.worker.b.claim",
      `petit.offer.${SET}`,
      "petit.control.b",
      "_INBOX_b.x",
      "_INBOX__scheduler.x",
      "$O.petit-scripts.C.x",
      "$O.petit-artifacts-b.C.x",
      "$JS.API.STREAM.MSG.GET.OBJ_petit-artifacts-b",
      "$JS.API.STREAM.DELETE.petit_offers",
      "$JS.API.STREAM.CREATE.mine",
      "$JS.API.CONSUMER.CREATE.OBJ_petit-scripts",
      "$JS.API.DIRECT.GET.OBJ_petit-artifacts-a",
    ];
    for (const subject of subjects) {
      const request = attacker.request(subject, encodeFrame({ attempt: 1 }), { timeout: 5_000 });
      await expect(request, subject).rejects.toMatchObject(refused);
    }
    for (const subject of ["petit.worker.*.claim", "petit.control.b", "_INBOX_b.>", "_INBOX__scheduler.>", ">"]) {
      const closed = Promise.withResolvers<Error | null>();
      attacker.subscribe(subject, { callback: (error) => closed.resolve(error) });
      expect(await closed.promise, subject).toBeInstanceOf(errors.PermissionViolationError);
    }
    // The server sends answers to any reply subject. They must not count as requests of another worker, or to the server.
    const query = JSON.stringify({ last_by_subj: `$O.petit-scripts.M.${btoa("abc")}` });
    for (const reply of [
      "petit.worker.b.claim",
      "$JS.API.STREAM.DELETE.petit_offers",
      "$JS.API.STREAM.PURGE.petit_offers",
    ])
      attacker.publish("$JS.API.STREAM.MSG.GET.OBJ_petit-scripts", query, { reply });
    // The scheduler does not answer to a subject of somebody else, either.
    attacker.publish("petit.worker.a.hello", encodeFrame({}), { reply: "petit.worker.b.hello" });
    await attacker.request("petit.worker.a.hello", encodeFrame({ last: true }), { timeout: 5_000 });
    expect(requests).toEqual([expect.objectContaining({ worker: "a", kind: "hello", frame: expect.anything() })]);
    await scheduler.publishOffer({ set: SET, id: "1:1", header: {}, body: new Uint8Array() });
    await attacker.close();
  });
});

describe("the state of a connection names", () => {
  test("wrong credentials, and those of another worker", async () => {
    await using secured = await startSecured("2.15");
    using dir = tempDir();
    writeFileSync(dir.file("stranger"), makeUserKey().seed);
    await using stranger = startWorker({ url: secured.nats.url, credentialsFile: dir.file("stranger") });
    expect(await stranger.states.next("disconnected")).toMatchObject({ fault: "credentials" });
    await using nobody = startWorker(secured.nats.url);
    expect(await nobody.states.next("disconnected")).toMatchObject({ fault: "credentials" });
    await using other = startWorker(secured.as("b"), "a");
    expect(await other.states.next("disconnected")).toMatchObject({
      fault: "permissions",
      detail: expect.stringContaining("petit.control.a"),
    });
  });

  test("a server that is not there, and one without JetStream", async () => {
    await using nats = await startNats({ hasJetStream: false });
    await using scheduler = startScheduler(nats.url);
    expect(await scheduler.states.next("disconnected")).toMatchObject({ fault: "no_jetstream" });
    await nats.kill();
    expect(await scheduler.states.next("disconnected")).toMatchObject({ fault: "unreachable" });
  });
});
