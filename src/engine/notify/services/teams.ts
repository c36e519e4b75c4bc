import { cutStart, fit, takeWithin } from "../message/cut.ts";
import type { Message } from "../message/message.ts";
import { messageService } from "./http-service.ts";

/** Maximum size of a card in bytes. Teams allows about 28 KB, and counts what it adds: cards of more than 21 KB were refused. */
const MAX_BYTES = 20_000;

const COLORS = { bad: "Attention", warning: "Warning", good: "Good", neutral: "Accent" } as const satisfies Record<
  Message["tone"],
  string
>;

export const teams = messageService<"teams">((message, { url }) => ({ url, payload: payloadOf(message) }));

/**
 * Returns the payload of a webhook of Teams (Workflows): an adaptive card. All texts are runs of a RichTextBlock, in which
 * nothing has a meaning: neither Markdown nor functions such as `{{DATE()}}`. Mentions need `msteams.entities`, which it lacks.
 */
const payloadOf = (message: Message): unknown =>
  fit(message.output, {
    limit: MAX_BYTES,
    cut: cutStart,
    render: (output) => ({
      type: "message",
      attachments: [
        { contentType: "application/vnd.microsoft.card.adaptive", contentUrl: null, content: card(message, output) },
      ],
    }),
    sizeOf: (payload) => Buffer.byteLength(JSON.stringify(payload)),
  });

const card = ({ tone, title, lines, facts, commands, links }: Message, output: string) => ({
  $schema: "http://adaptivecards.io/schemas/adaptive-card.json",
  type: "AdaptiveCard",
  version: "1.4",
  body: [
    block([{ text: title, size: "Large", weight: "Bolder", color: COLORS[tone] }]),
    ...lines.map((text) => block([{ text }])),
    ...facts.map(({ name, value }, index) =>
      block([{ text: `${name} `, weight: "Bolder" }, { text: value }], index === 0 ? "Medium" : "None"),
    ),
    ...codeBlocks(output === "" ? [] : output.split("\n")),
    ...codeBlocks(commands),
  ],
  actions: takeWithin(links, LINKS).map(({ name, url }) => ({ type: "Action.OpenUrl", title: name, url })),
  msteams: { width: "Full" },
});

/** Teams shows at most six actions of a card. Their URLs must leave room for the rest. */
const LINKS = {
  count: 6,
  limit: 5_000,
  sizeOf: ({ name, url }: Message["links"][number]): number => Buffer.byteLength(name + url),
} as const;

type Run = { readonly text: string; readonly size?: string; readonly weight?: string; readonly color?: string };

const block = (runs: readonly (Run & { readonly fontType?: string })[], spacing = "Small") => ({
  type: "RichTextBlock",
  inlines: runs.map((run) => ({ type: "TextRun", ...run })),
  spacing,
});

/** One block for each line, since not every client keeps line breaks within a run. An empty run would be invalid. */
const codeBlocks = (lines: readonly string[]) =>
  lines.map((text, index) =>
    block([{ text: text === "" ? " " : text, fontType: "Monospace" }], index === 0 ? "Medium" : "None"),
  );
