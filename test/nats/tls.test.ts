import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { NATS_VERSIONS, startNats } from "../support/nats/server.ts";
import { startScheduler, startWorker } from "../support/nats/transports.ts";
import { makeCertificate } from "../support/smtp.ts";
import { tempDir } from "../support/temp-dir.ts";

test.each(NATS_VERSIONS)("TLS with an own authority and client certificates works, nats-server %s", async (version) => {
  using dir = tempDir();
  const { caFile } = makeCertificate(dir.path);
  const [certFile, keyFile] = [dir.file("cert"), dir.file("key")];
  const config = `tls { cert_file: "${certFile}", key_file: "${keyFile}", ca_file: "${caFile}", verify: true }`;
  await using nats = await startNats({ version, config });
  const url = nats.url.replace("nats:", "tls:");
  await using scheduler = startScheduler({ url, caFile, certFile, keyFile });
  await scheduler.states.next("connected");
  await using worker = startWorker({ url, caFile, certFile, keyFile });
  await worker.states.next("connected");
  expect((await worker.request("hello", { header: {}, timeoutMs: 5_000 })).header).toEqual({});

  await using without = startWorker({ url, caFile }, "b");
  expect(await without.states.next("disconnected")).toMatchObject({ fault: "tls" });
  mkdirSync(dir.file("other"));
  const { caFile: foreign } = makeCertificate(dir.file("other"));
  await using distrustful = startWorker({ url, caFile: foreign, certFile, keyFile }, "c");
  expect(await distrustful.states.next("disconnected")).toMatchObject({ fault: "tls" });
});

test("TLS that the server does not have is not given up silently", async () => {
  await using nats = await startNats();
  await using worker = startWorker(nats.url.replace("nats:", "tls:"));
  expect(await worker.states.next("disconnected")).toMatchObject({ fault: "tls" });
});
