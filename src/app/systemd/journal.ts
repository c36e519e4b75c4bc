import { fstatSync } from "node:fs";

const STDERR = 2;

/**
 * Returns whether stderr is connected to the systemd journal. Compares it with the device and inode in
 * `JOURNAL_STREAM`, which detects a redirection (systemd.exec(5)).
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

/** Priorities of syslog(3); the journal reads them from the start of a line (sd-daemon(3)). */
const PRIORITIES: Readonly<Record<string, number>> = { debug: 7, info: 6, warn: 4, error: 3 };

/** Prefixes each line of a message with its priority. The journal adds the time. */
export const asJournalLines = (level: unknown, text: string): string => {
  const priority = `<${PRIORITIES[String(level)] ?? 6}>`;
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `${priority}${line}\n`)
    .join("");
};
