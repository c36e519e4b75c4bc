import { homeserverOf } from "../../../domain/notification.ts";
import { cutStart, fit, takeWithin } from "../message/cut.ts";
import type { Message } from "../message/message.ts";
import { plainText } from "../message/plain.ts";
import { withoutLinks } from "../message/without-links.ts";
import type { ReadAnswer } from "../send.ts";
import { messageService } from "./http-service.ts";

/** Maximum size of a message in bytes. An event can have 65,536, which include what the server adds. */
const MAX_BYTES = 50_000;

/** Maximum size of the links, which are sent twice. */
const LINKS = {
  count: 8,
  limit: 3_000,
  sizeOf: ({ name, url }: Message["links"][number]): number => Buffer.byteLength(name + url),
} as const;

const SIGNS = { bad: "🔴", warning: "🟡", good: "🟢", neutral: "🔵" } as const satisfies Record<
  Message["tone"],
  string
>;

/**
 * Sends a message to a room. The id of the sending is the transaction, so the server stores a message that it gets twice once.
 * See "Sending events to a room" in the client-server API.
 */
export const matrix = messageService<"matrix">((message, { notice, target, url, values }) => {
  const server = homeserverOf(new URL(url));
  if ("problem" in server) return { problem: `its URL ${server.problem}` };
  const token = values.get("token");
  if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) return { problem: "its token is not one of Matrix" };
  const path = ["rooms", target.room, "send", "m.room.message", notice.id].map(encodeURIComponent).join("/");
  return {
    url: `${server.base}/_matrix/client/v3/${path}`,
    method: "PUT",
    headers: { Authorization: `Bearer ${token}` },
    payload: payloadOf(message),
    secrets: [token],
    readAnswer,
  };
});

/** See "Standard error response" in the client-server API. */
const readAnswer: ReadAnswer = ({ errcode, error, retry_after_ms: retryAfterMs }) => ({
  error: [errcode, error].filter((part) => typeof part === "string").join(": "),
  retryAfterMs: typeof retryAfterMs === "number" && retryAfterMs >= 0 ? Math.ceil(retryAfterMs) : null,
});

/**
 * Returns the content of an `m.room.message`. It is `m.text`, since a notice (`m.notice`) alerts nobody. An empty `m.mentions` says
 * that the text mentions nobody, whatever it contains.
 */
const payloadOf = (message: Message): unknown => {
  const safe: Message = {
    ...message,
    title: `${SIGNS[message.tone]} ${withoutNames(message.title)}`,
    lines: message.lines.map(withoutNames),
    facts: message.facts.map(({ name, value }) => ({ name, value: withoutNames(value) })),
    links: takeWithin(message.links, LINKS).map(({ name, url }) => ({ name: withoutNames(name), url })),
  };
  return fit(message.output, {
    limit: MAX_BYTES,
    cut: cutStart,
    render: (output) => ({
      msgtype: "m.text",
      body: `${safe.title}\n\n${plainText(safe, withoutNames(output), { links: true })}`,
      format: "org.matrix.custom.html",
      formatted_body: html(safe, withoutNames(output)),
      "m.mentions": {},
    }),
    sizeOf: (payload) => Buffer.byteLength(JSON.stringify(payload)),
  });
};

/** Uses only tags that are in the list of "m.room.message msgtypes" of the client-server API. */
const html = ({ title, lines, facts, commands, links }: Message, output: string): string =>
  [
    `<strong>${escapeHtml(title)}</strong>`,
    lines.map(escapeHtml).join("<br>"),
    facts.map(({ name, value }) => `${escapeHtml(name)} <code>${escapeHtml(value)}</code>`).join("<br>"),
    output === "" ? "" : `<pre><code>${escapeHtml(output)}</code></pre>`,
    commands.map((command) => `<code>${escapeHtml(command)}</code>`).join("<br>"),
    links.map(({ name, url }) => `<a href="${escapeHtml(url)}">${escapeHtml(name)}</a>`).join(" · "),
  ]
    .filter((part) => part !== "")
    .map((part) => (part.startsWith("<pre>") ? part : `<p>${part}</p>`))
    .join("");

const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/**
 * Clients find URLs, names of hosts, users (`@`) and rooms (`#`) in any text, and URLs without slashes, such as `mailto:` and
 * `matrix:`. A word joiner, which is invisible, separates their parts.
 */
const withoutNames = (text: string): string =>
  withoutLinks(text)
    .replace(/[@#]/g, "$&\u2060")
    .replace(/(?<=[A-Za-z]):(?=[^\s\u2060])/g, ":\u2060");
