import { describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { openRuntime } from "#runtime";
import type { EmailTarget } from "../../../../src/domain/notification.ts";
import type { NotificationBody } from "../../../../src/engine/notify/notification-body.ts";
import { sendTo } from "../../../../src/engine/notify/services.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { MAIL_PASSWORD, type Mailbox, mailbox } from "../../../support/smtp.ts";
import { bodyOf, DIGESTS, hostileBody } from "./bodies.ts";

const targetOf = ({ port, caFile }: Pick<Mailbox, "port"> & { readonly caFile: string | null }): EmailTarget => ({
  type: "email",
  host: "localhost",
  port,
  tls: "starttls",
  user: "petit",
  password: { env: "PASSWORD" },
  from: "petit <petit@example.com>",
  to: ["ops@example.com", "Ada <ada@example.com>"],
  caFile,
  on: ["failure"],
  timeoutMs: 10_000,
});

type Options = { readonly body?: NotificationBody; readonly password?: string; readonly signal?: AbortSignal };

const deliver = (target: EmailTarget, { body = bodyOf(), password = MAIL_PASSWORD, signal }: Options = {}) =>
  sendTo(
    target,
    { id: "019b76da", event: body.event, runId: null, notice: JSON.stringify(body) },
    {
      clock: systemClock,
      runtime: openRuntime(),
      environment: { PASSWORD: password },
      folder: "/",
      signal: signal ?? new AbortController().signal,
    },
  );

describe("an email", () => {
  test("arrives over STARTTLS, with a login", async () => {
    await using box = await mailbox();
    expect(await deliver(targetOf(box))).toEqual({ kind: "delivered", answer: "accepted" });
    const [{ to, text } = { to: [], text: "" }] = box.received;
    expect(to).toEqual(["ops@example.com", "ada@example.com"]);
    expect(text.replaceAll("\r\n", "\n").replace(/^Date: .*\n/m, "")).toBe(`Auto-Submitted: auto-generated
X-Auto-Response-Suppress: All
Petit-Delivery: 019b76da
Petit-Event: failure
From: petit <petit@example.com>
To: ops@example.com, Ada <ada@example.com>
Subject: petit: Nightly load failed
Message-ID: <019b76da@example.com>
Content-Transfer-Encoding: 7bit
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Task load: exit code 3 (2 attempts)

Job: nightly_load
Run: 019b76da-a800-7c3e-8f2b-5d1c9a7e4f60
Trigger: schedule, due at 2026-01-02 03:03:05 UTC
Duration: 1m

Traceback (most recent call last):
KeyError: 'id'

Run: https://petit.example.com/runs/019b76da-a800-7c3e-8f2b-5d1c9a7e4f60
runbook: https://wiki.example.com/load?x=1&y=(2)
`);
  });

  test("arrives over TLS", async () => {
    await using box = await mailbox({ secure: true });
    expect(await deliver({ ...targetOf(box), tls: "tls" })).toMatchObject({ kind: "delivered" });
    expect(box.received).toHaveLength(1);
  });

  test("contains what a task printed only as text, and in no header", async () => {
    await using box = await mailbox();
    expect(await deliver(targetOf(box), { body: hostileBody() })).toMatchObject({ kind: "delivered" });
    const [headers = ""] = (box.received[0]?.text ?? "").split("\r\n\r\n");
    const names = headers.match(/^[\w-]+(?=:)/gm) ?? [];
    expect(names).not.toContain("X-Header");
    expect(names).not.toContain("Priority");
    expect(headers).toContain("Content-Type: text/plain; charset=utf-8");
  });

  test("of a digest has its lines as text, and a link to the review", async () => {
    await using box = await mailbox();
    for (const body of Object.values(DIGESTS))
      expect(await deliver(targetOf(box), { body })).toMatchObject({ kind: "delivered" });
    for (const { text } of box.received) {
      const [headers = "", ...parts] = text.split("\r\n\r\n");
      const names = headers.match(/^[\w-]+(?=:)/gm) ?? [];
      expect(names).not.toContain("X-Header");
      expect(names).not.toContain("Priority");
      const content = parts.join("\n\n").replaceAll("=\r\n", "").replaceAll("=3D", "=");
      expect(content).toContain("12 runs completed, 3 failed.");
      expect(content).toContain("Review: https://petit.example.com/review?since=2025-12-26T03%3A04%3A05.000Z&until=");
      expect(content).not.toMatch(/[\u001b\u202e]/);
    }
    expect(box.received.map(({ text }) => text.includes("This is a test."))).toEqual([false, true]);
  });

  test("with a wrong password is refused for good, without showing it", async () => {
    await using box = await mailbox();
    const result = await deliver(targetOf(box), { password: "wrong-s3cret" });
    expect(result).toEqual({ kind: "refused", why: "answered 535 to the login: wrong password" });
    expect(box.received).toEqual([]);
  });

  test("that the server does not take now is tried again", async () => {
    const busy = Object.assign(new Error("4.7.0 try later wrong-s3cret"), { responseCode: 454 });
    await using box = await mailbox({ onAuth: (_auth, _session, callback) => callback(busy) });
    expect(await deliver(targetOf(box), { password: "wrong-s3cret" })).toEqual({
      kind: "failed",
      why: "answered 454 to the login: 4.7.0 try later ***",
      retryAfterMs: null,
    });
  });

  test("to an unknown recipient is refused, unless another one is known", async () => {
    const unknown = Object.assign(new Error("no such user"), { responseCode: 550 });
    await using box = await mailbox({
      onRcptTo: ({ address }, _session, callback) => (address === "ops@example.com" ? callback() : callback(unknown)),
    });
    const target = targetOf(box);
    expect(await deliver({ ...target, to: ["ada@example.com"] })).toEqual({
      kind: "refused",
      why: "answered 550 to RCPT TO: no such user",
    });
    expect(await deliver(target)).toEqual({ kind: "delivered", answer: "accepted for 1 of 2 recipients" });
  });

  test("is not sent to a server with an unknown certificate", async () => {
    await using box = await mailbox();
    expect(await deliver(targetOf({ ...box, caFile: null }))).toMatchObject({
      kind: "failed",
      why: expect.stringMatching(/^the encrypted connection failed \(/),
    });
  });

  test("that needs a file or a variable that is missing is tried again", async () => {
    await using box = await mailbox();
    const target = { ...targetOf(box), caFile: "/nowhere/ca.pem" };
    expect(await deliver(target)).toMatchObject({ why: "the file /nowhere/ca.pem can't be read (ENOENT)" });
    const password = { env: "OTHER" };
    expect(await deliver({ ...targetOf(box), password })).toMatchObject({ why: "the variable OTHER is not set" });
  });
});

/** Starts a server that accepts connections and sends `greeting`, then nothing. */
const silentServer = async (
  greeting: string,
): Promise<AsyncDisposable & { readonly port: number; readonly server: Server }> => {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.write(greeting);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { port: address.port, server, [Symbol.asyncDispose]: async () => void server.close() };
};

describe("an email to a server that is silent", () => {
  test.each(["", "220 hello\r\n"])("is tried again after its timeout: %j", async (greeting) => {
    await using silent = await silentServer(greeting);
    const target = { ...targetOf({ port: silent.port, caFile: null }), timeoutMs: 50 };
    expect(await deliver(target)).toEqual({ kind: "failed", why: "no answer within 50ms", retryAfterMs: null });
  });

  test("ends when petit stops", async () => {
    await using silent = await silentServer("");
    const stop = new AbortController();
    const connected = new Promise((resolve) => silent.server.once("connection", resolve));
    const sending = deliver(targetOf({ port: silent.port, caFile: null }), { signal: stop.signal });
    await connected;
    stop.abort();
    expect(await sending).toMatchObject({ kind: "failed" });
  });

  test("or does not listen is tried again", async () => {
    const target = targetOf({ port: 1, caFile: null });
    expect(await deliver(target)).toMatchObject({ kind: "failed", why: "can't be reached (ECONNREFUSED)" });
  });
});
