import { topicOf } from "../../../domain/notification.ts";
import { cutEnd, cutStart, fit, takeWithin } from "../message/cut.ts";
import type { Message } from "../message/message.ts";
import { plainText } from "../message/plain.ts";
import { withoutLinks } from "../message/without-links.ts";
import { messageService } from "./http-service.ts";

/** Maximum size of a message in bytes. A server turns a longer one into an attachment. */
const MAX_BYTES = 4_096;

/** Maximum size of the whole JSON in bytes: a server refuses more than twice the size of a message. */
const MAX_JSON_BYTES = 2 * MAX_BYTES;

/** Maximum number of buttons, and size of their names and URLs together. One of them is sent twice. */
const MAX_ACTIONS = 3;
const MAX_LINKS_BYTES = 1_500;

/** Tags that ntfy shows as an emoji. */
const TAGS = {
  bad: "rotating_light",
  warning: "warning",
  good: "white_check_mark",
  neutral: "information_source",
} as const satisfies Record<Message["tone"], string>;

/** 4 is high, 3 the default. */
const PRIORITIES = { bad: 4, warning: 4, good: 3, neutral: 3 } as const satisfies Record<Message["tone"], number>;

export const ntfy = messageService<"ntfy">((message, { url, values }) => {
  const topic = topicOf(new URL(url));
  if ("problem" in topic) return { problem: `its URL ${topic.problem}` };
  const token = values.get("token");
  return {
    url: topic.server,
    payload: payloadOf(message, topic.topic),
    ...(token !== undefined && { headers: { Authorization: `Bearer ${token}` } }),
    secrets: token === undefined ? [topic.topic] : [topic.topic, token],
  };
});

/** Returns a message for ntfy as JSON, in which no text can become a header. Without `markdown` it is plain text. */
const payloadOf = (message: Message, topic: string): unknown => {
  const links = takeWithin(message.links, {
    limit: MAX_LINKS_BYTES,
    count: MAX_ACTIONS,
    sizeOf: ({ name, url }) => bytesOf(name) + bytesOf(url),
  });
  const [first] = links;
  const render = (text: string): Payload => ({
    topic,
    title: message.title,
    message: text,
    tags: [TAGS[message.tone]],
    priority: PRIORITIES[message.tone],
    ...(first !== undefined && { click: first.url }),
    ...(links.length > 0 && { actions: links.map(({ name, url }) => ({ action: "view", label: name, url })) }),
  });
  // Its apps turn URLs and names of hosts into links. Commands stay as they are, to be copied.
  const inert: Message = {
    ...message,
    lines: message.lines.map(withoutLinks),
    facts: message.facts.map(({ name, value }) => ({ name, value: withoutLinks(value) })),
  };
  const { message: text } = fit(message.output, {
    limit: MAX_BYTES,
    cut: cutStart,
    render: (output) => render(plainText(inert, withoutLinks(output), { links: false })),
    sizeOf,
  });
  return fit(text, { limit: MAX_BYTES, cut: cutEnd, render, sizeOf });
};

type Payload = Readonly<Record<string, unknown>> & { readonly message: string };

/** Returns a size that exceeds MAX_BYTES by as much as the message or the whole JSON exceeds its own limit. */
const sizeOf = (payload: Payload): number =>
  Math.max(bytesOf(payload.message), bytesOf(JSON.stringify(payload)) - MAX_JSON_BYTES + MAX_BYTES);

const bytesOf = (text: string): number => Buffer.byteLength(text);
