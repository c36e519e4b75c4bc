import { shorten } from "../../lib/text.ts";
import type { Report } from "../report.ts";
import type { JobDraft } from "../schema/job.ts";

/** Checks that each link is a web address. Every reader of the job sees it, so it may contain no password. */
export const checkLinks = ({ links = {} }: JobDraft, report: Report): void => {
  for (const [name, url] of Object.entries(links)) {
    const path = ["links", name];
    const problem = url === undefined || report.has(path) ? null : whyNotLink(url);
    if (problem !== null) report.addAt(path, problem);
  }
};

const whyNotLink = (text: string): string | null => {
  if (text.includes("${")) return "is used literally, so '${…}' is not expanded; expected a complete URL";
  if (!URL.canParse(text)) return `'${shorten(text)}' is not a URL; expected one such as https://example.com/runbook`;
  const { protocol, username, password } = new URL(text);
  if (protocol !== "http:" && protocol !== "https:")
    return `has the scheme '${shorten(protocol.slice(0, -1), 20)}'; expected http or https`;
  return username + password === "" ? null : "contains a user name or a password; expected a URL without them";
};
