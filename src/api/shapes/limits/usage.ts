import { type TotalUsage, USAGE_SOURCE_TEXT, USAGE_SOURCES, type Usage } from "../../../domain/usage.ts";
import { exactly, integer, meanings, nullable, word } from "../schemas.ts";

const cpuFields = {
  cpu_user_ms: integer({ minimum: 0, description: "CPU time in the program's own code, in ms" }),
  cpu_system_ms: integer({ minimum: 0, description: "CPU time in the system on its behalf, in ms" }),
};

const bytes = (description: string) => nullable(integer({ minimum: 0 }), description);

/** What an attempt used. */
export const UsageBody = exactly(
  {
    ...cpuFields,
    memory_peak_bytes: bytes(
      "The most memory of all its processes together (`cgroup`) or of the largest of them (`wait`), in bytes; null if it is not known",
    ),
    source: word(USAGE_SOURCES, meanings(USAGE_SOURCE_TEXT)),
  },
  { title: "Usage", description: "What an attempt used" },
);

export const usageBody = (usage: Usage | null): typeof UsageBody.static | null =>
  usage === null
    ? null
    : {
        cpu_user_ms: usage.cpuUserMs,
        cpu_system_ms: usage.cpuSystemMs,
        memory_peak_bytes: usage.memoryPeakBytes,
        source: usage.source,
      };

/** What several attempts used together. */
export const TotalUsageBody = exactly(
  {
    ...cpuFields,
    memory_peak_bytes: bytes("The largest peak of memory of an attempt, in bytes; null if none is known"),
    memory_limit_bytes: bytes("The limit of memory of that attempt, in bytes; null if it had none"),
  },
  {
    title: "TotalUsage",
    description: "What the attempts used that were measured: their CPU time together, and the largest peak of memory",
  },
);

export const totalUsageBody = (usage: TotalUsage | null): typeof TotalUsageBody.static | null =>
  usage === null
    ? null
    : {
        cpu_user_ms: usage.cpuUserMs,
        cpu_system_ms: usage.cpuSystemMs,
        memory_peak_bytes: usage.memoryPeakBytes,
        memory_limit_bytes: usage.memoryLimitBytes,
      };
