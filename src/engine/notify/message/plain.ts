import type { Message } from "./message.ts";

type Parts = { readonly links: boolean };

/** Returns a message as plain text, without its title. */
export const plainText = (message: Message, output: string, { links }: Parts): string =>
  [
    message.lines.join("\n"),
    message.facts.map(({ name, value }) => `${name}: ${value}`).join("\n"),
    output,
    message.commands.join("\n"),
    links ? message.links.map(({ name, url }) => `${name}: ${url}`).join("\n") : "",
  ]
    .filter((part) => part !== "")
    .join("\n\n");
