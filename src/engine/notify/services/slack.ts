import { cutStart, escapeWithin } from "../message/cut.ts";
import type { Message } from "../message/message.ts";
import { messageService } from "./http-service.ts";

/** Maximum length of the text of a section and of a header. See "Block Kit" in Slack's documentation. */
const MAX_SECTION = 3_000;
const MAX_HEADER = 150;

const SIGNS = { bad: "🔴", warning: "🟡", good: "🟢", neutral: "🔵" } as const satisfies Record<
  Message["tone"],
  string
>;

export const slack = messageService<"slack">((message, { url }) => ({ url, payload: payloadOf(message) }));

/**
 * Returns the payload of an incoming webhook of Slack. `&`, `<` and `>` are escaped, so that no text can contain a mention or a
 * link; `verbatim` turns off the detection of names and URLs.
 */
const payloadOf = (message: Message): unknown => {
  const title = `${SIGNS[message.tone]} ${message.title}`;
  const sections = [
    escapeWithin(message.lines.join("\n"), { limit: MAX_SECTION, escape: escapeSlack }),
    factsText(message),
    message.output === "" ? "" : escapeWithin(message.output, { limit: MAX_SECTION, escape: codeBlock, cut: cutStart }),
    message.commands.map(code).join("\n"),
    linksText(message),
  ];
  return {
    text: escapeWithin(title, { limit: MAX_SECTION, escape: escapeSlack }),
    blocks: [
      {
        type: "header",
        text: { type: "plain_text", text: escapeWithin(title, { limit: MAX_HEADER, escape: escapeSlack }) },
      },
      ...sections
        .filter((text) => text !== "")
        .map((text) => ({ type: "section", text: { type: "mrkdwn", text, verbatim: true } })),
    ],
    unfurl_links: false,
    unfurl_media: false,
  };
};

const factsText = ({ facts }: Message): string =>
  escapeWithin(facts.map(({ name, value }) => `*${name}* ${code(value)}`).join("   "), {
    limit: MAX_SECTION,
    escape: (text) => text,
  });

/** See "Escaping text" in Slack's documentation: only these three characters have a meaning. */
const escapeSlack = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const code = (text: string): string => `\`${escapeSlack(text.replaceAll("`", "'"))}\``;

/** A zero-width space separates backticks that would end the block. */
const codeBlock = (text: string): string => `\`\`\`\n${escapeSlack(text).replaceAll("``", "`\u200b`")}\n\`\`\``;

/** Returns as many links as fit. */
const linksText = ({ links }: Message): string => {
  let text = "";
  for (const { name, url } of links) {
    const link = `<${escapeUrl(url)}|${escapeSlack(name.replaceAll("|", "/"))}>`;
    const longer = text === "" ? link : `${text} · ${link}`;
    if (longer.length <= MAX_SECTION) text = longer;
  }
  return text;
};

const escapeUrl = (url: string): string =>
  url.replaceAll("<", "%3C").replaceAll(">", "%3E").replaceAll("|", "%7C").replaceAll("&", "&amp;");
