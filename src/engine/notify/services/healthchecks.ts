import type { NotificationBody } from "../notification-body.ts";
import { httpService } from "./http-service.ts";
import { headersOf } from "./webhook.ts";

/**
 * Pings `URL/start`, `URL`, `URL/<exit status>`, `URL/fail` or `URL/log`, with the id of the run. A failure includes the log tail.
 */
export const healthchecks = httpService<"healthchecks">((sending) => {
  const own = headersOf(sending);
  if ("problem" in own) return own;
  const body: NotificationBody = JSON.parse(sending.notice.notice);
  const url = new URL(sending.url);
  const suffix = suffixOf(body);
  url.pathname = url.pathname.replace(/\/+$/, "") + (suffix === "" ? "" : `/${suffix}`);
  if (sending.notice.runId !== null) url.searchParams.set("rid", sending.notice.runId);
  const headers = { ...own.headers, "Content-Type": "text/plain; charset=utf-8" };
  return { url: url.href, method: "POST", headers, body: textOf(body), readAnswer: null, secrets: [] };
});

const suffixOf = (body: NotificationBody): string => {
  if (body.event === "started") return "start";
  if (body.event === "failure") return exitStatusOf(body) ?? "fail";
  // A cancelled run was ended on request, which does not change the state of the check, and neither does a test.
  return body.event === "cancelled" || body.event === "test" ? "log" : "";
};

/** Returns the exit status of the failed task that explains the failure best, or null. */
const exitStatusOf = ({ run, failed_tasks: [first] }: NotificationBody): string | null => {
  const status = run?.status === "failed" && first?.reason === "exit_code" ? first.exit_code : null;
  return status !== null && status >= 1 && status <= 255 ? String(status) : null;
};

const textOf = ({ event, log_tail, run }: NotificationBody): string => {
  if (event === "cancelled" || event === "test") return event;
  return event === "failure" ? (log_tail ?? run?.error ?? "") : "";
};
