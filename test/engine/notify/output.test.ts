import { describe, expect, test } from "bun:test";
import type { EmailTarget, NotifyEvent } from "../../../src/domain/notification.ts";
import { job, shell } from "../../support/engine/factories.ts";
import { startEngine, waitFor } from "../../support/engine/started-engine.ts";
import { mailbox } from "../../support/smtp.ts";

const mailTo = (port: number, on: readonly NotifyEvent[]): EmailTarget => ({
  type: "email",
  host: "127.0.0.1",
  port,
  tls: "none",
  user: null,
  password: null,
  from: "alice@localhost",
  to: ["ops@example.com"],
  caFile: null,
  on,
  timeoutMs: 10_000,
});

/** Runs a script, and waits until all of its notifications are sent. They are stored with the end of the run. Returns the mails. */
const mailsOf = async (script: string, on: readonly NotifyEvent[] = ["output"]) => {
  await using box = await mailbox({ authOptional: true });
  const jobs = [job("nightly", { tasks: [shell("work", script)], notify: [mailTo(box.port, on)] })];
  await using petit = await startEngine({ jobs });
  await petit.run("nightly");
  const isSent = (): boolean => petit.store.notifications.countWaiting() === 0;
  await waitFor(isSent);
  return box.received.map(({ text }) => text.replaceAll("\r\n", "\n").replaceAll("=\n", ""));
};

describe("the event `output`", () => {
  test("mails what a completed run printed to both streams", async () => {
    const [mail = "", ...others] = await mailsOf("echo first; echo second >&2");
    expect(others).toEqual([]);
    expect(mail).toContain("Subject: petit: nightly printed output\n");
    expect(mail).toMatch(/\nfirst\nsecond\n|\nsecond\nfirst\n/);
  });

  test("mails nothing for a silent run, whether it completed or failed", async () => {
    expect(await mailsOf("true")).toEqual([]);
    expect(await mailsOf("exit 3")).toEqual([]);
  });

  test("mails what a failed run printed, unless its failure is sent", async () => {
    const [mail = ""] = await mailsOf("echo lost; exit 3");
    expect(mail).toContain("Subject: petit: nightly failed and printed output\n");
    expect(mail).toContain("\nlost\n");
    const [failure = "", ...others] = await mailsOf("echo lost; exit 3", ["failure", "output"]);
    expect(others).toEqual([]);
    expect(failure).toContain("Subject: petit: nightly failed\n");
  });

  test("mails the end of a long output, and says that it was cut", async () => {
    const [mail = ""] = await mailsOf("seq 1 20000");
    expect(mail).toContain("all of it: petit logs ");
    expect(mail).toContain("\n19999\n20000\n");
    expect(mail).not.toContain("\n1\n");
    expect(Buffer.byteLength(mail)).toBeLessThan(13_000);
  });
});
