import { readFileSync } from "node:fs";

/** Numbers of some capabilities (capabilities(7), include/uapi/linux/capability.h). */
const NUMBERS = {
  CAP_CHOWN: 0,
  CAP_DAC_OVERRIDE: 1,
  CAP_FOWNER: 3,
  CAP_KILL: 5,
  CAP_SETGID: 6,
  CAP_SETUID: 7,
} as const;
export type Capability = keyof typeof NUMBERS;

/** Returns which of some capabilities this process lacks; none where the system does not say. */
export const missingCapabilities = (needed: readonly Capability[]): readonly Capability[] =>
  lacking(needed, statusOfThis());

/** Returns which of some capabilities a process lacks, by its /proc/PID/status; none if that does not say. */
export const lacking = (needed: readonly Capability[], status: string): readonly Capability[] => {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  if (effective === undefined) return [];
  const set = BigInt(`0x${effective}`);
  return needed.filter((name) => (set & (1n << BigInt(NUMBERS[name]))) === 0n);
};

const statusOfThis = (): string => {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch {
    return "";
  }
};
