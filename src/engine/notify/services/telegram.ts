import { cutStart, fit } from "../message/cut.ts";
import type { Message } from "../message/message.ts";
import { withoutLinks } from "../message/without-links.ts";
import { messageService } from "./http-service.ts";

/** Maximum length of a message in UTF-16 code units, without its markup. */
const MAX_LENGTH = 4_096;

const SIGNS = { bad: "🔴", warning: "🟡", good: "🟢", neutral: "🔵" } as const satisfies Record<
  Message["tone"],
  string
>;

export const telegram = messageService<"telegram">((message, { target, url, values }) => {
  const token = values.get("token");
  if (token === undefined || !/^[\w:-]+$/.test(token)) return { problem: "its token is not one of Telegram" };
  const method = `${url.replace(/\/+$/, "")}/bot${token}/sendMessage`;
  return { url: method, payload: payloadOf(message, target.chat), secrets: [token] };
});

/** Returns the parameters of `sendMessage` of Telegram's Bot API, with HTML as markup. */
const payloadOf = (message: Message, chat: string): unknown => ({
  chat_id: chat,
  text: fit(message.output, {
    limit: MAX_LENGTH,
    cut: cutStart,
    render: (output) => html(message, output),
    sizeOf: visibleLength,
  }),
  parse_mode: "HTML",
  link_preview_options: { is_disabled: true },
});

const html = ({ tone, title, lines, facts, commands, links }: Message, output: string): string =>
  [
    `${SIGNS[tone]} <b>${escapeText(title)}</b>`,
    lines.map(escapeText).join("\n"),
    facts.map(({ name, value }) => `${escapeText(name)} <code>${escapeHtml(value)}</code>`).join("\n"),
    output === "" ? "" : `<pre>${escapeHtml(output)}</pre>`,
    commands.map((command) => `<code>${escapeHtml(command)}</code>`).join("\n"),
    links.map(({ name, url }) => `<a href="${escapeHtml(url)}">${escapeText(name)}</a>`).join(" · "),
  ]
    .filter((part) => part !== "")
    .join("\n\n");

/** See "HTML style" in Telegram's documentation. */
const escapeHtml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");

/**
 * Telegram finds mentions, URLs and names of hosts in plain text (but not within `code` and `pre`), so a word joiner, which is
 * invisible, separates their parts.
 */
const escapeText = (text: string): string => escapeHtml(withoutLinks(text)).replaceAll("@", "@\u2060");

/** Returns the length after Telegram has read the markup. */
const visibleLength = (text: string): number =>
  text.replace(/<[^<>]*>/g, "").replace(/&(amp|lt|gt|quot);/g, "x").length;
