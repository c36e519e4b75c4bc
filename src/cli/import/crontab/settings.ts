import { isTimezone } from "../../../domain/schedule/local-time.ts";
import { TIMEZONE_FORM } from "../../../domain/schedule/schedule.ts";
import type { EnvironmentLine } from "./environment-line.ts";
import { type MailServer, recipientsOf } from "./mail.ts";

const MAIL_NOTE = "petit sends no mail";

/** What became of the variables that mean something to cron. The value of any other is not shown: it may be a secret. */
const NOTES: Readonly<Record<string, (value: string) => string>> = {
  MAILTO: (value) =>
    value === ""
      ? "cron discarded the output; petit keeps it, see `petit logs`"
      : `${MAIL_NOTE} to '${value}': it keeps the output, see \`petit logs\`; \`notify\` reports failures`,
  MAILFROM: () => `no effect: ${MAIL_NOTE}`,
  CONTENT_TYPE: () => `no effect: ${MAIL_NOTE}`,
  CONTENT_TRANSFER_ENCODING: () => `no effect: ${MAIL_NOTE}`,
  MLS_LEVEL: () => "no effect: petit sets no SELinux level",
  XDG_SESSION_CLASS: () => "no effect: petit opens no session",
  SHELL: (value) => `${value} runs the commands below`,
  HOME: () => "the working directory of the commands below",
  LOGNAME: () => "ignored, as by cron",
  USER: () => "ignored, as by cron",
  CRON_TZ: (value) =>
    value === ""
      ? "the schedules below have no time zone of their own"
      : "the time zone of the schedules below. When its clocks change, cron can skip or repeat a run; petit runs once",
  TZ: () => "a variable of the commands below; as in cron, the schedules do not follow it",
  RANDOM_DELAY: (value) =>
    delayMinutes(value) === null
      ? "ignored, as by cron; expected minutes from 0 to 1440"
      : `each run below starts up to ${delayMinutes(value)} minutes later. cron chooses one delay when it starts, petit one for each run`,
};

/** Returns what became of an environment line, or what is wrong with it. */
export const noteOfSetting = ({ name, value }: EnvironmentLine, mail: MailServer | null = null): string =>
  mailNote({ name, value }, mail) ??
  `${name}: ${Object.hasOwn(NOTES, name) ? NOTES[name]?.(value) : "a variable of the commands below"}`;

const mailNote = ({ name, value }: EnvironmentLine, mail: MailServer | null): string | null => {
  if (mail === null) return null;
  if (name === "MAILFROM") return `${name}: the sender of the mails below, if it is an address`;
  if (name !== "MAILTO" || value === "") return null;
  const to = recipientsOf(value, mail);
  return to === null
    ? `${name}: '${value}' is not a list of addresses; the output is not mailed`
    : `${name}: \`notify\` mails the output of the commands below to ${to.join(", ")}${mail.hidesDefault ? HIDES_DEFAULT : ""}`;
};

const HIDES_DEFAULT = "; the `notify` of the configuration file, such as of failures, does not apply to them";

/** Returns what is wrong with a setting, or null. */
export const whyWrongSetting = ({ name, value }: EnvironmentLine): string | null => {
  if (name === "CRON_TZ" && value !== "" && !isTimezone(zoneName(value)))
    return `CRON_TZ is '${value}'; ${TIMEZONE_FORM}`;
  if (name === "HOME" && !value.startsWith("/")) return `HOME is '${value}'; expected the path of a folder`;
  if (name === "SHELL" && !value.startsWith("/")) return `SHELL is '${value}'; expected the path of a shell`;
  return name.startsWith("PETIT_")
    ? `${name}: petit sets variables that begin with PETIT_; expected another name`
    : null;
};

/** Returns the IANA name of a `TZ` value: glibc also accepts it after a colon. */
export const zoneName = (value: string): string => value.replace(/^:/, "");

/** Returns the minutes of RANDOM_DELAY, or null if cron ignores the value. */
export const delayMinutes = (value: string): number | null => {
  const minutes = /^\s*[+-]?\d+/.test(value) ? Number.parseInt(value, 10) : 0;
  return minutes >= 0 && minutes <= 1440 ? minutes : null;
};
