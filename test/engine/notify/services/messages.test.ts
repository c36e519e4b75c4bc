import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openRuntime } from "#runtime";
import type { NotifyTarget } from "../../../../src/domain/notification.ts";
import type { NotificationBody } from "../../../../src/engine/notify/notification-body.ts";
import type { SendResult } from "../../../../src/engine/notify/send.ts";
import { sendTo } from "../../../../src/engine/notify/services.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { type Received, type Responder, receiver } from "../../../support/receiver.ts";
import { bodyOf, DIGESTS, hostileBody, OTHERS } from "./bodies.ts";

const FIXTURES = join(import.meta.dirname, "../../../fixtures/messages");

const BODIES: Readonly<Record<string, NotificationBody>> = {
  failure: bodyOf(),
  hostile: hostileBody(),
  ...OTHERS,
  ...DIGESTS,
};

const COMMON = { on: ["failure"], timeoutMs: 5_000 } as const;

/** The targets of each type for a server. */
const targets = (url: string) =>
  ({
    slack: { ...COMMON, type: "slack", url: `${url}/services/T0/B0/s3cret-s3cret` },
    discord: { ...COMMON, type: "discord", url: { env: "HOOK" } },
    teams: { ...COMMON, type: "teams", url: `${url}/workflows/s3cret-s3cret` },
    ntfy: { ...COMMON, type: "ntfy", url: `${url}/s3cret-s3cret`, token: { env: "TOKEN" } },
    telegram: { ...COMMON, type: "telegram", url, token: { env: "TOKEN" }, chat: "-100123" },
    matrix: { ...COMMON, type: "matrix", url: `${url}/base/`, token: { env: "TOKEN" }, room: "!s3cret/1:example.com" },
  }) as const satisfies Record<string, NotifyTarget>;

const TYPES = ["slack", "discord", "teams", "ntfy", "telegram", "matrix"] as const;

/** Sends a message to a server, and returns what it received and the result. */
const deliver = async (
  type: (typeof TYPES)[number],
  body: NotificationBody,
  respond?: Responder,
): Promise<{ readonly received: Received; readonly result: SendResult }> => {
  await using server = receiver(respond);
  const environment = { HOOK: `${server.url}/api/webhooks/1/s3cret-s3cret?thread_id=7`, TOKEN: "123:s3cret-s3cret" };
  const notice = { id: "1", event: body.event, runId: null, notice: JSON.stringify(body) };
  const { signal } = new AbortController();
  const tools = { environment, folder: "/", clock: systemClock, runtime: openRuntime(), signal };
  const result = await sendTo(targets(server.url)[type], notice, tools);
  const [received] = server.received;
  if (received === undefined) throw new Error(JSON.stringify(result));
  return { received, result };
};

/** What clients turn into links: URLs, names of hosts, and addresses. */
const LINKS = "see https://evil.example/login, www.evil.example, evil.example/x, ftp://10.0.0.1 and 10.0.0.1";

/** Returns what a client may turn into a link: what is not in code, and not a link of the message itself. */
const plainPart = {
  discord: (payload: { embeds: { title: string; description: string }[] }) =>
    payload.embeds
      .map(({ title, description }) => `${title}\n${description}`)
      .join("\n")
      .replace(/```[\s\S]*?```|`[^`]*`|\]\([^)]*\)/g, ""),
  telegram: ({ text }: { text: string }) => text.replace(/<(pre|code)>[\s\S]*?<\/\1>|<a href="[^"]*">/g, ""),
  ntfy: ({ message }: { message: string }) => message,
  matrix: ({ body, formatted_body: html }: { body: string; formatted_body: string }) =>
    `${body}\n${html.replace(/<a href="[^"]*">/g, "")}`.replace(/^(Run|runbook): https.*$/gm, "$1"),
} as const;

test.each(["discord", "telegram", "ntfy", "matrix"] as const)(
  "a message to %s has no links but its own",
  async (type) => {
    const body = bodyOf({
      job: { id: "nightly_load", name: LINKS },
      failed_tasks: [{ task_id: "load", reason: "exit_code", error: LINKS, exit_code: 3, attempts: 1 }],
      error_lines: [LINKS],
    });
    const { received } = await deliver(type, body);
    const text = plainPart[type](JSON.parse(received.body));
    expect(text).toContain("evil");
    expect(text).not.toMatch(/\w:\/\//);
    if (type !== "discord") expect(text).not.toMatch(/www\.\w|evil\.\w|10\.0\.0\.1/);
    expect(received.body).toContain("https://petit.example.com/runs/");
    expect(received.body).toContain("https://wiki.example.com/load");
  },
);

test.each(["discord", "telegram", "ntfy", "matrix"] as const)(
  "a digest to %s has no links but its own",
  async (type) => {
    for (const body of Object.values(DIGESTS)) {
      const { received } = await deliver(type, body);
      const text = plainPart[type](JSON.parse(received.body)).replace(/^Review: https.*$/m, "");
      expect(text).toContain("evil");
      expect(text).not.toMatch(/https:\/\/evil/);
      if (type !== "discord") expect(text).not.toMatch(/evil\.\w/);
      expect(received.body).toContain("https://petit.example.com/review?since=");
    }
  },
);

test("a message says who triggered and cancelled the run, if somebody did", async () => {
  const messageOf = async (by: { readonly triggered_by?: string | null; readonly cancelled_by?: string | null }) => {
    const { run: base } = OTHERS.approval;
    const run = base === null ? null : { ...base, status: "cancelled", ...by };
    const body = bodyOf({ event: "cancelled", failed_tasks: [], error_lines: [], links: {}, url: null, run });
    return JSON.parse((await deliver("ntfy", body)).received.body).message;
  };
  expect(await messageOf({ triggered_by: "ada\nEve: 1", cancelled_by: "ben" })).toEndWith(
    "Trigger: manual by ada Eve: 1\nCancelled by: ben",
  );
  expect(await messageOf({ triggered_by: null, cancelled_by: null })).toEndWith("\nTrigger: manual");
  // An older petit stored neither.
  expect(await messageOf({})).toEndWith("\nTrigger: manual");
});

test("a digest to a webhook is the documented body", async () => {
  await using server = receiver();
  const { digest } = DIGESTS;
  const target = { ...COMMON, type: "webhook", url: server.url, headers: {}, secret: { env: "KEY" } } as const;
  const tools = {
    environment: { KEY: "s3cret" },
    folder: "/",
    clock: systemClock,
    runtime: openRuntime(),
    signal: new AbortController().signal,
  };
  const notice = { id: "1", event: "digest", runId: null, notice: JSON.stringify(digest) } as const;
  expect(await sendTo(target, notice, tools)).toMatchObject({ kind: "delivered" });
  const [received] = server.received;
  expect(received?.headers.get("petit-event")).toBe("digest");
  expect(received?.headers.get("petit-signature")).toMatch(/^t=\d+,v1=[0-9a-f]{64}$/);
  expect(JSON.parse(received?.body ?? "")).toEqual(digest);
});

describe.each(TYPES)("a message to %s", (type) => {
  test("is the documented payload for each event", async () => {
    const sent: Record<string, unknown> = {};
    for (const [name, body] of Object.entries(BODIES)) {
      const { received, result } = await deliver(type, body);
      expect(result).toMatchObject({ kind: "delivered", answer: "answered 200" });
      expect(received.headers.get("content-type")).toBe("application/json");
      sent[name] = JSON.parse(received.body);
    }
    const golden = join(FIXTURES, `${type}.json`);
    expect(sent).toEqual(JSON.parse(readFileSync(golden, "utf8")));
  });

  test("that is too long is cut with a mark", async () => {
    const long = (unit: string): NotificationBody =>
      bodyOf({
        job: { id: "j", name: unit.repeat(256) },
        links: Object.fromEntries(
          Array.from({ length: 20 }, (_, index) => [`link ${index}`, `https://a.example/${"x".repeat(2_000)}`]),
        ),
        failed_tasks: Array.from({ length: 9 }, (_, index) => ({
          task_id: `t${index}`.padEnd(128, "x"),
          reason: "exit_code" as const,
          error: unit.repeat(1_000),
          exit_code: 1,
          attempts: 9,
        })),
        error_lines: Array.from({ length: 10 }, () => unit.repeat(500)),
      });
    for (const unit of ["a", "&", "_", "`", "ü", "🙂"]) {
      const { received } = await deliver(type, long(unit));
      expect(received.body).toContain("…");
      expect(sizesOf(type, JSON.parse(received.body)).filter(([size, limit]) => size > limit)).toEqual([]);
      expect(received.body.isWellFormed()).toBe(true);
    }
  });

  test("that is refused shows the answer without secrets", async () => {
    const respond: Responder = ({ path }) =>
      Response.json(
        type === "matrix"
          ? { errcode: "M_FORBIDDEN", error: `no room ${path}, 123:s3cret-s3cret` }
          : { description: `no such chat: ${path}`, message: `no ${path}`, error: "x" },
        { status: 400 },
      );
    const { result } = await deliver(type, bodyOf(), respond);
    const why = type === "matrix" ? /^answered 400: M_FORBIDDEN: no room/ : /^answered 400: no/;
    expect(result).toMatchObject({ kind: "refused", why: expect.stringMatching(why) });
    expect(JSON.stringify(result)).not.toContain("s3cret");
  });

  test("waits as long as the service asks for", async () => {
    const respond: Responder = () =>
      Response.json(
        type === "matrix"
          ? { errcode: "M_LIMIT_EXCEEDED", retry_after_ms: 1_500 }
          : { retry_after: 1.5, parameters: { retry_after: 7 } },
        { status: 429, headers: {} },
      );
    const { result } = await deliver(type, bodyOf(), respond);
    const why = type === "matrix" ? "answered 429: M_LIMIT_EXCEEDED" : "answered 429";
    expect(result).toMatchObject({ kind: "failed", why, retryAfterMs: 1_500 });
  });
});

test("a message to ntfy goes to the server of its topic, with the token", async () => {
  const { received } = await deliver("ntfy", bodyOf());
  expect(received.path).toBe("/");
  expect(received.headers.get("authorization")).toBe("Bearer 123:s3cret-s3cret");
  expect(JSON.parse(received.body)).toMatchObject({ topic: "s3cret-s3cret" });
});

test("a message to Discord is delivered only when it is stored, also in a thread", async () => {
  const { received } = await deliver("discord", bodyOf());
  expect(received.path).toEndWith("?thread_id=7&wait=true");
});

test("a message to Telegram calls sendMessage with the token", async () => {
  const { received } = await deliver("telegram", bodyOf(), () =>
    Response.json({ ok: false, parameters: { retry_after: 7 } }, { status: 429 }),
  );
  expect(received.path).toBe("/bot123:s3cret-s3cret/sendMessage");
});

describe("a message to Matrix", () => {
  test("is put into the room under the id of the sending, with the token", async () => {
    const { received } = await deliver("matrix", bodyOf());
    expect(received.method).toBe("PUT");
    expect(received.path).toBe("/base/_matrix/client/v3/rooms/!s3cret%2F1%3Aexample.com/send/m.room.message/1");
    expect(received.headers.get("authorization")).toBe("Bearer 123:s3cret-s3cret");
  });

  test("mentions and links neither users nor rooms, and escapes HTML", async () => {
    const text =
      '@room @ada:example.org #ops:example.org matrix:u/ada mailto:ada <a href="https://evil.example">x</a> &amp; "';
    const failed = { task_id: "load", reason: "exit_code", error: text, exit_code: 3, attempts: 1 } as const;
    const { received } = await deliver("matrix", bodyOf({ failed_tasks: [failed], error_lines: [text] }));
    const { msgtype, body, formatted_body: html, "m.mentions": mentions } = JSON.parse(received.body);
    expect({ msgtype, mentions }).toEqual({ msgtype: "m.text", mentions: {} });
    for (const part of [body, html]) {
      expect(part).toContain("ada");
      expect(part).not.toMatch(/[@#]\w|\w:ada|matrix:u|evil\.\w|https:\/\/evil/);
    }
    expect(html.match(/<[a-z]+[^>]*>/g)).toEqual(
      // biome-ignore format: in the order of the message
      ["<p>", "<strong>", "<p>", "<p>", "<code>", "<br>", "<code>", "<br>", "<code>", "<br>", "<code>", "<pre>", "<code>",
        "<p>", '<a href="https://petit.example.com/runs/019b76da-a800-7c3e-8f2b-5d1c9a7e4f60">',
        '<a href="https://wiki.example.com/load?x=1&amp;y=(2)">'],
    );
    expect(html).toContain("&lt;a href=&quot;");
  });

  test.each([
    ["a URL with a fragment", { url: "https://matrix.to/#/!a:b" }, "its URL is not that of a homeserver; expected one"],
    ["a token with a line break", { token: { env: "BROKEN" } }, "its token is not one of Matrix"],
  ])("is not sent to %s", async (_what, given, why) => {
    await using server = receiver();
    const { signal } = new AbortController();
    const environment = { TOKEN: "s3cret", BROKEN: "s3cret\ns3cret" };
    const tools = { environment, folder: "/", clock: systemClock, runtime: openRuntime(), signal };
    const notice = { id: "1", event: "failure", runId: null, notice: JSON.stringify(bodyOf()) } as const;
    const result = await sendTo({ ...targets(server.url).matrix, ...given }, notice, tools);
    expect(result).toMatchObject({ kind: "failed", why: expect.stringContaining(why) });
    expect(JSON.stringify(result)).not.toContain("s3cret");
    expect(server.received).toEqual([]);
  });
});

const decode = (html: string): string =>
  html
    .replace(/<[^>]*>/g, "")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&");

/** Returns the sizes of the parts of a payload, each with the limit of the service. */
// biome-ignore lint/suspicious/noExplicitAny: the payload of another service
const sizesOf = (type: (typeof TYPES)[number], payload: any): readonly (readonly [size: number, limit: number])[] => {
  switch (type) {
    case "slack":
      return payload.blocks.map(({ type: kind, text: { text } }: { type: string; text: { text: string } }) => [
        text.length,
        kind === "header" ? 150 : 3_000,
      ]);
    case "discord": {
      const [{ title, description }] = payload.embeds;
      return [
        [title.length, 256],
        [description.length, 4_096],
        [title.length + description.length, 6_000],
      ];
    }
    case "teams":
      return [[Buffer.byteLength(JSON.stringify(payload)), 20_000]];
    case "ntfy":
      return [
        [Buffer.byteLength(JSON.stringify(payload)), 8_192],
        [Buffer.byteLength(payload.message), 4_096],
        [payload.actions.length, 3],
      ];
    case "telegram":
      return [[decode(payload.text).length, 4_096]];
    case "matrix":
      return [[Buffer.byteLength(JSON.stringify(payload)), 50_000]];
  }
};
