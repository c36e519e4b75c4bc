import type { Json } from "../../../../lib/json.ts";
import { type Directive, listOf } from "../unit/parse.ts";
import { shellText } from "./exec.ts";

/** How a shell checks a condition of a unit, by its name without `Condition` or `Assert`. */
const CHECKS: Readonly<Record<string, (value: string) => string | null>> = {
  PathExists: (path) => `[ -e ${shellText(path)} ]`,
  PathIsDirectory: (path) => `[ -d ${shellText(path)} ]`,
  PathIsSymbolicLink: (path) => `[ -L ${shellText(path)} ]`,
  PathIsReadWrite: (path) => `[ -w ${shellText(path)} ]`,
  PathIsMountPoint: (path) => `mountpoint -q ${shellText(path)}`,
  DirectoryNotEmpty: (path) => `[ -n "$(ls -A ${shellText(path)} 2>/dev/null)" ]`,
  FileNotEmpty: (path) => `[ -s ${shellText(path)} ]`,
  FileIsExecutable: (path) => `[ -x ${shellText(path)} ]`,
  ACPower: (value) => (/^(?:1|yes|y|true|t|on)$/i.test(value) ? AC_POWER : `! { ${AC_POWER}; }`),
  Virtualization: (value) => VIRTUALIZATION[value.toLowerCase()] ?? null,
  Host: (value) => (/[*?[]/.test(value) ? null : `[ "$(uname -n)" = ${shellText(value)} ]`),
};

/** Without a power supply at all there is AC power. */
const AC_POWER =
  "! cat /sys/class/power_supply/*/type 2>/dev/null | grep -q Mains || cat /sys/class/power_supply/*/online 2>/dev/null | grep -q 1";

const VIRTUALIZATION: Readonly<Record<string, string>> = {
  yes: "systemd-detect-virt -q",
  true: "systemd-detect-virt -q",
  no: "! systemd-detect-virt -q",
  false: "! systemd-detect-virt -q",
  container: "systemd-detect-virt -qc",
  vm: "systemd-detect-virt -qv",
};

/** A condition that a shell can check. */
type Condition = { readonly directive: Directive; readonly check: string; readonly isTriggering: boolean };

/** Returns the conditions and assertions that a shell can check, and those that it can't. */
export const conditionsOf = (
  directives: readonly Directive[],
  expand: (directive: Directive) => string,
): {
  readonly conditions: readonly Condition[];
  readonly assertions: readonly Condition[];
  readonly others: readonly Directive[];
} => {
  const names = [...new Set(directives.filter(({ section }) => section === "Unit").map(({ name }) => name))];
  const all = names
    .filter((name) => /^(?:Condition|Assert)/.test(name))
    .flatMap((name) => listOf(directives, "Unit", name));
  const read = all.map((directive) => ({ directive, condition: readCondition(directive, expand(directive)) }));
  const of = (kind: string): readonly Condition[] =>
    read.flatMap(({ directive, condition }) =>
      condition !== null && directive.name.startsWith(kind) ? [condition] : [],
    );
  return {
    conditions: of("Condition"),
    assertions: of("Assert"),
    others: read.flatMap(({ directive, condition }) => (condition === null ? [directive] : [])),
  };
};

const readCondition = (directive: Directive, value: string): Condition | null => {
  const [, prefix = "", text = ""] = /^([|!]*)\s*(.*)$/s.exec(value) ?? [];
  const name = directive.name.replace(/^(?:Condition|Assert)/, "");
  const check = Object.hasOwn(CHECKS, name) ? (CHECKS[name]?.(text) ?? null) : null;
  if (check === null) return null;
  const simple = /^(?:! )?(?:\[ .* \]|[\w-]+ [^|;{]*)$/.test(check) && !check.includes("||");
  const negated = simple ? (check.startsWith("! ") ? check.slice(2) : `! ${check}`) : `! { ${check}; }`;
  return { directive, check: prefix.includes("!") ? negated : check, isTriggering: prefix.includes("|") };
};

/** Returns a task that fails, or is skipped, unless all conditions hold, and one of those with `|`. Null if there are none. */
export const conditionTask = (
  id: string,
  conditions: readonly Condition[],
  { skips }: { readonly skips: boolean },
): Readonly<Record<string, Json>> | null => {
  if (conditions.length === 0) return null;
  const all = conditions.filter(({ isTriggering }) => !isTriggering).map(({ check }) => check);
  const some = conditions.filter(({ isTriggering }) => isTriggering).map(({ check }) => check);
  const either =
    some.length === 0
      ? []
      : [some.map((check) => (some.length > 1 && check.includes("||") ? `{ ${check}; }` : check)).join(" || ")];
  return {
    id,
    type: "shell",
    script: `${[...all, ...either].map((check) => `{ ${check}; } || exit 1`.replace(/^\{ (\[ [^|;{]* \]); \}/, "$1")).join("\n")}\n`,
    ...(skips ? { skip_exit_codes: [1] } : {}),
  };
};
