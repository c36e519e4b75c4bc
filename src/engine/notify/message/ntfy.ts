import { cutEnd, cutStart, fit } from "./cut.ts";
import type { Message } from "./message.ts";
import { plainText } from "./plain.ts";

/** Maximum size of a message in bytes. A server turns a longer one into an attachment. */
const MAX_BYTES = 4_096;

/** Maximum number of buttons. */
const MAX_ACTIONS = 3;

/** Tags that ntfy shows as an emoji. */
const TAGS = {
  bad: "rotating_light",
  warning: "warning",
  good: "white_check_mark",
  neutral: "information_source",
} as const satisfies Record<Message["tone"], string>;

/** 4 is high, 3 the default. */
const PRIORITIES = { bad: 4, warning: 4, good: 3, neutral: 3 } as const satisfies Record<Message["tone"], number>;

/** Returns a message for ntfy as JSON, in which no text can become a header. Without `markdown` it is plain text. */
export const ntfyPayload = (message: Message, topic: string): unknown => {
  const [first] = message.links;
  return {
    topic,
    title: message.title,
    message: textOf(message),
    tags: [TAGS[message.tone]],
    priority: PRIORITIES[message.tone],
    ...(first !== undefined && { click: first.url }),
    ...(message.links.length > 0 && {
      actions: message.links.slice(0, MAX_ACTIONS).map(({ name, url }) => ({ action: "view", label: name, url })),
    }),
  };
};

const textOf = (message: Message): string => {
  const text = fit(message.output, {
    limit: MAX_BYTES,
    cut: cutStart,
    render: (output) => plainText(message, output, { links: false }),
    sizeOf: bytesOf,
  });
  return fit(text, { limit: MAX_BYTES, cut: cutEnd, render: (kept) => kept, sizeOf: bytesOf });
};

const bytesOf = (text: string): number => Buffer.byteLength(text);
