import { cutEnd, cutStart, fit } from "../message/cut.ts";
import type { Message } from "../message/message.ts";
import { withoutUrls } from "../message/without-links.ts";
import { messageService } from "./http-service.ts";

/** Limits of an embed. See "Embed Limits" in Discord's documentation. */
const MAX_TITLE = 256;
const MAX_DESCRIPTION = 4_096;

const COLORS = { bad: 0xd92d20, warning: 0xf79009, good: 0x12b76a, neutral: 0x2e90fa } as const satisfies Record<
  Message["tone"],
  number
>;

export const discord = messageService<"discord">((message, sending) => {
  const url = new URL(sending.url);
  // Without `wait`, Discord reports no error for a message that it does not store. See "Execute Webhook" in its documentation.
  url.searchParams.set("wait", "true");
  return { url: url.href, payload: payloadOf(message) };
});

/** Returns the payload of a webhook of Discord. `allowed_mentions` lets no text mention anybody, and all markup is escaped. */
const payloadOf = (message: Message): unknown => ({
  embeds: [
    {
      title: fit(message.title, { limit: MAX_TITLE, cut: cutEnd, render: escapeMarkdown, sizeOf: lengthOf }),
      description: fit(message.output, {
        limit: MAX_DESCRIPTION,
        cut: cutStart,
        render: (output) => description(message, output),
        sizeOf: lengthOf,
      }),
      color: COLORS[message.tone],
    },
  ],
  allowed_mentions: { parse: [] },
});

const lengthOf = (text: string): number => text.length;

const description = ({ lines, facts, commands, links }: Message, output: string): string => {
  const text = [
    escapeMarkdown(cutEnd(lines.join("\n"), MAX_LINES)),
    facts.map(({ name, value }) => `**${name}** ${code(value)}`).join("\n"),
    output === "" ? "" : codeBlock(output),
    commands.map(code).join("\n"),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
  return links.reduce((longer, { name, url }, index) => {
    const link = `${index === 0 ? "\n\n" : " · "}[${escapeMarkdown(name)}](${escapeUrl(url)})`;
    return longer.length + link.length <= MAX_DESCRIPTION ? longer + link : longer;
  }, text);
};

/** Escaped, each character can become two. */
const MAX_LINES = 1_200;

/**
 * A backslash removes the meaning of a character, or of a sign for a heading, a quote or a list at the start of a line. URLs do not
 * become links; in code Discord makes none.
 */
const escapeMarkdown = (text: string): string =>
  withoutUrls(text)
    .replace(/[\\*_~`|[\]<@]/g, "\\$&")
    .replace(/^(\s*)([#>+-]|\d+(?=\.))/gm, "$1\\$2");

const code = (text: string): string => `\`${text.replaceAll("`", "'")}\``;

/** A zero-width space separates backticks that would end the block. */
const codeBlock = (text: string): string => `\`\`\`\n${text.replaceAll("``", "`\u200b`")}\n\`\`\``;

const escapeUrl = (url: string): string =>
  url
    .replaceAll("(", "%28")
    .replaceAll(")", "%29")
    .replaceAll("<", "%3C")
    .replaceAll(">", "%3E")
    .replaceAll(" ", "%20");
