import { fstatSync } from "node:fs";

const STDERR = 2;

/**
 * Whether what is written to stderr goes straight into systemd's journal, by the `JOURNAL_STREAM` that systemd sets: device
 * and inode of what it opened, so that a redirection is seen.
 */
export const isJournal = (environment: Readonly<Record<string, string | undefined>>, fd = STDERR): boolean => {
  const stream = environment.JOURNAL_STREAM;
  if (!stream) return false;
  try {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
};

/** syslog(3) has these numbers, and the journal takes them from the beginning of a line. */
const PRIORITIES: Readonly<Record<string, number>> = { debug: 7, info: 6, warn: 4, error: 3 };

/** Each line of a message under its priority; the journal itself knows the time. */
export const asJournalLines = (level: unknown, text: string): string => {
  const priority = `<${PRIORITIES[String(level)] ?? 6}>`;
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `${priority}${line}\n`)
    .join("");
};
