import { expect, test } from "bun:test";
import type { NotifyTarget } from "../../../../src/domain/notification.ts";
import { job, shell } from "../../../support/engine/factories.ts";
import { startEngine, waitFor } from "../../../support/engine/started-engine.ts";
import { type Received, type Responder, receiver } from "../../../support/receiver.ts";

const TOKEN = "syt_s3cret";

/** A homeserver with one room: it stores each transaction once, loses the answer of the first, and limits the rate of the third. */
const homeserver = () => {
  const events = new Map<string, Received>();
  const respond: Responder = (request, index) => {
    const [, transaction] =
      /^\/_matrix\/client\/v3\/rooms\/!ops%3Aexample\.com\/send\/m\.room\.message\/([^/?]+)$/.exec(request.path) ?? [
        null,
        null,
      ];
    if (request.headers.get("authorization") !== `Bearer ${TOKEN}`)
      return Response.json({ errcode: "M_UNKNOWN_TOKEN", error: "Invalid access token passed." }, { status: 401 });
    if (request.method !== "PUT" || transaction == null)
      return Response.json({ errcode: "M_UNRECOGNIZED", error: "Unrecognized request" }, { status: 404 });
    if (index === 2) return Response.json({ errcode: "M_LIMIT_EXCEEDED", retry_after_ms: 1 }, { status: 429 });
    events.set(transaction, request);
    return index === 0 ? new Response(null, { status: 502 }) : Response.json({ event_id: `$${events.size}` });
  };
  return { events, server: receiver(respond) };
};

test("a message to Matrix that is tried again is in the room once", async () => {
  const { events, server } = homeserver();
  await using _server = server;
  const target: NotifyTarget = {
    type: "matrix",
    url: server.url,
    token: { env: "PETIT_MATRIX_TOKEN" },
    room: "!ops:example.com",
    on: ["failure"],
    timeoutMs: 10_000,
  };
  const jobs = [job("nightly", { tasks: [shell("work", "echo '<b>@room</b>' >&2; exit 3")], notify: [target] })];
  await using petit = await startEngine({ jobs, environment: { PETIT_MATRIX_TOKEN: TOKEN } });
  for (const count of [2, 4]) {
    await petit.run("nightly");
    await server.first(count);
    await waitFor(() => petit.store.notifications.countWaiting() === 0);
  }
  const [first, again, limited, last] = server.received.map(({ path }) => path);
  expect([first, limited]).toEqual([again, last]);
  expect(events.size).toBe(2);
  for (const { body } of events.values()) {
    const { body: text, formatted_body: html, ...rest } = JSON.parse(body);
    expect(rest).toEqual({ msgtype: "m.text", format: "org.matrix.custom.html", "m.mentions": {} });
    expect(text).toContain("nightly failed\n");
    expect(html).toContain("<pre><code>&lt;b&gt;@\u2060room&lt;/b&gt;</code></pre>");
  }
});
