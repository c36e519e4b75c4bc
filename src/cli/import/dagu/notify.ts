import type { Json } from "../../../lib/json.ts";
import { type Fields, textOf } from "./fields.ts";

const MAILBOX = /^[^\s<>@,;:"\\]{1,64}@[^\s<>@,;:"\\]{1,255}$/;

const NOT_SENT = "no mail of this file can be sent";

/** Reads `mail_on`, `error_mail`, `info_mail` and `smtp`; null if no mail is sent. What is not needed stays unused. */
export const notifyOf = (fields: Fields): Json | null => {
  const on = fields.child("mail_on");
  const events = (["failure", "success"] as const).filter((event) => on?.boolean(event));
  if (events.length === 0) return null;
  const smtp = fields.child("smtp");
  const server = serverOf(smtp);
  const mails = events.flatMap((event) => {
    const mail = fields.child(event === "failure" ? "error_mail" : "info_mail");
    const from = mail?.text("from") ?? "";
    const to = (mail?.texts("to") ?? []).flatMap((each) => each.split(/[\s,]+/)).filter((each) => MAILBOX.test(each));
    if (server !== null && MAILBOX.test(from) && to.length > 0)
      return [{ type: "email", ...server, from, to, on: [event] }];
    mail?.release(["from", "to"]);
    if (mail !== null) mail.whyUnused = NOT_SENT;
    const entry = on?.map.entries.find(({ key }) => key === event);
    if (entry !== undefined)
      on?.leaveOut(
        entry,
        "its mail needs smtp, from and to in this file; `notify` of petit's configuration file can send it",
      );
    return [];
  });
  if (mails.length > 0) return mails;
  smtp?.release(["host", "port"]);
  if (smtp !== null) smtp.whyUnused = NOT_SENT;
  return null;
};

/** Returns the fields of the mail server; null if it has no fixed name. */
const serverOf = (smtp: Fields | null): Readonly<Record<string, Json>> | null => {
  const host = smtp?.text("host") ?? null;
  const port = smtp?.number(1, "port") ?? null;
  const user = smtp?.take("username") ?? null;
  const password = smtp?.take("password") ?? null;
  if (smtp === null) return null;
  if (host === null || !/^[A-Za-z0-9._-]+$/.test(host)) {
    smtp.release(["username", "password"]);
    return null;
  }
  const variable = password === null ? undefined : /^\$\{?([A-Za-z_]\w*)\}?$/.exec(textOf(password.value) ?? "")?.[1];
  const name = user === null ? "" : (textOf(user.value) ?? "");
  if (name !== "" && !name.includes("$") && variable !== undefined)
    return { host, ...(port === null ? {} : { port }), user: name, password: { env: variable } };
  for (const entry of [user, password])
    if (entry !== null)
      smtp.leaveOut(
        entry,
        "a password is read from a variable, a file or a credential; write `user` and `password` of `notify`",
      );
  return { host, ...(port === null ? {} : { port }) };
};
