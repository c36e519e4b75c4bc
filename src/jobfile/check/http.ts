import { isJsonPointer } from "../../lib/json-pointer.ts";
import { shorten } from "../../lib/text.ts";
import type { Path } from "../parse/node.ts";
import type { Report } from "../report.ts";
import { whyNotHeader } from "../schema/header.ts";
import type { JobDraft, TaskDraft } from "../schema/job.ts";
import { checkSecret } from "./secret.ts";

/** Headers that depend on the connection or the body. */
const OWN_HEADERS: ReadonlySet<string> = new Set(["connection", "content-length", "transfer-encoding"]);

const BODY_FIELDS = ["json", "body", "form", "file"] as const;

/** Checks the fields of tasks that send HTTP requests. */
export const checkHttp = ({ tasks = [] }: JobDraft, report: Report): void => {
  tasks.forEach((task, index) => {
    if (task?.type === "http") checkTask(task, ["tasks", index], report);
  });
};

const checkTask = (task: TaskDraft, path: Path, report: Report): void => {
  const { url, headers = {}, outputs = {}, method = "GET" } = task;
  const refuse = (steps: Path, problem: string | null): void => {
    if (problem !== null && !report.has([...path, ...steps])) report.addAt([...path, ...steps], problem);
  };
  if (url !== undefined) refuse(["url"], whyNotUrl(url));
  for (const [name, value] of Object.entries(headers)) {
    if (OWN_HEADERS.has(name.toLowerCase())) refuse(["headers", name], "is set by petit; expected another header");
    else if (typeof value === "object") checkSecret(value, [...path, "headers", name], report);
    else if (value !== undefined) refuse(["headers", name], whyNotHeader(value));
  }
  for (const [name, pointer] of Object.entries(outputs))
    if (pointer !== undefined) refuse(["outputs", name], whyNotPointer(pointer));
  const body = BODY_FIELDS.find((field) => task[field] !== undefined);
  if (body !== undefined && (method === "GET" || method === "HEAD"))
    refuse([body], `can't be sent with the method ${method}; expected a method such as POST`);
};

const whyNotUrl = (text: string): string | null => {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined && scheme !== "http" && scheme !== "https" && !text.startsWith("localhost:"))
    return `has the scheme '${shorten(scheme, 20)}'; expected http or https`;
  // What a template becomes is known when the task starts.
  if (text.includes("${{")) return null;
  if (scheme === undefined || !URL.canParse(text)) return "is not a URL; expected one such as https://example.com/path";
  const { username, password } = new URL(text);
  return username + password === ""
    ? null
    : "contains a user name or a password; expected them in headers: {Authorization: {env: NAME}}";
};

const whyNotPointer = (text: string): string | null => {
  if (isJsonPointer(text)) return null;
  if (text.startsWith("/"))
    return `'${shorten(text)}' is not a JSON pointer; expected ~0 for '~' and ~1 for '/' in a key`;
  return `'${shorten(text)}' is not a JSON pointer; expected one that begins with '/', such as /data/id`;
};
