import type { Json } from "../../../lib/json.ts";
import type { MailServer } from "../crontab/mail.ts";
import type { EventFields } from "./event-fields.ts";

const MAILBOX = /^[^\s<>@,;:"\\]{1,64}@[^\s<>@,;:"\\]{1,255}$/;

/** Returns the `notify` of an event. Mails need a mail server, which an export does not have. */
export const notifyOf = (fields: EventFields, mail: MailServer | null): readonly Json[] => {
  const mails = (["notify_fail", "notify_success"] as const).flatMap((name): readonly Json[] => {
    const to = [...new Set((fields.text(name) ?? "").split(/[\s,]+/))].filter((address) => address !== "");
    if (to.length === 0) return [];
    if (mail === null || !to.every((address) => MAILBOX.test(address))) {
      fields.leaveOut(
        name,
        mail === null
          ? "--smtp names the mail server; `notify` of the configuration file can send it"
          : "expected addresses",
      );
      return [];
    }
    return [
      {
        type: "email",
        ...mail.fields,
        from: mail.from ?? `cronicle@${mail.domain}`,
        to,
        on: [name === "notify_fail" ? "failure" : "success"],
      },
    ];
  });
  const hook = fields.text("web_hook");
  if (hook === null) return mails;
  if (!/^https?:\/\/[^\s@]+$/.test(hook) || !URL.canParse(hook)) {
    fields.leaveOut("web_hook", "expected an http or https URL without a password and without headers");
    return mails;
  }
  fields.note("web_hook", "petit sends JSON of its own");
  return [...mails, { type: "webhook", url: hook, on: ["started", "success", "failure", "cancelled"] }];
};
