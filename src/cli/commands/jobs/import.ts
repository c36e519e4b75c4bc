import { PetitError } from "../../../domain/errors.ts";
import { suggest } from "../../../lib/suggest.ts";
import { defineCommand } from "../../command.ts";
import { importCronicle } from "../../import/cronicle/import-cronicle.ts";
import { importAnacrontab } from "../../import/crontab/import-anacrontab.ts";
import { importCrontab } from "../../import/crontab/import-crontab.ts";
import { importDagu } from "../../import/dagu/import-dagu.ts";
import { importPetitRs } from "../../import/petit-rs/import-petit-rs.ts";
import { runImport } from "../../import/run-import.ts";
import { importSystemd } from "../../import/systemd/import-systemd.ts";

const KINDS = ["crontab", "anacrontab", "systemd", "dagu", "cronicle", "petit-rs"] as const;
type Kind = (typeof KINDS)[number];

const IMPORTERS = {
  crontab: importCrontab,
  anacrontab: importAnacrontab,
  systemd: importSystemd,
  dagu: importDagu,
  cronicle: importCronicle,
  "petit-rs": importPetitRs,
} as const;

export const importJobs = defineCommand({
  name: "import",
  summary: "Turn crontabs, timers or jobs of other schedulers into job files",
  description:
    "Writes job files that behave like the jobs of the other scheduler that they come from: to stdout, or with -o to " +
    "a folder. stderr says for each line or file what became of it. If anything can't be read, all problems are reported, nothing is " +
    "written, and the exit status is 1. 'crontab' imports a crontab: a user's, or with --system one with a user column. A folder such " +
    "as /etc/cron.d stands for all crontabs in it. Without FILE it reads standard input, or on a terminal what `crontab -l` prints. " +
    "'anacrontab' imports /etc/anacrontab or another file of anacron. " +
    "'systemd' imports timers and their services: those that are named, files NAME.timer, all of a folder, or without any all timers that are enabled here. " +
    "'dagu' imports a DAG of Dagu, or all of a folder. 'cronicle' imports an export of Cronicle. 'petit-rs' imports a folder of job files of the Rust petit.",
  usage: [
    "petit import crontab [FILE|-] [--system] [-o DIR]",
    "petit import anacrontab [FILE|-] [-o DIR]",
    "petit import systemd [UNIT|FILE|DIR]... [--user] [-o DIR]",
    "petit import dagu FILE|DIR [-o DIR]",
    "petit import cronicle FILE|- [-o DIR]",
    "petit import petit-rs DIR [--working-dir DIR] [-o DIR]",
  ],
  repeatsLast: true,
  args: {
    KIND: {
      type: "positional",
      required: true,
      description: "crontab, anacrontab, systemd, dagu, cronicle or petit-rs.",
    },
    SOURCE: {
      type: "positional",
      required: false,
      description: "The file or folder to import; - is standard input. systemd: units, files and folders.",
    },
    output: {
      type: "string",
      alias: "o",
      valueHint: "DIR",
      description: "Write the job files to this folder. [default: stdout]",
    },
    force: { type: "boolean", description: "Replace files of the output folder." },
    strict: { type: "boolean", description: "Exit with status 1 if anything is left out." },
    "skip-invalid": { type: "boolean", description: "crontab, anacrontab: leave out lines that can't be read." },
    "guards-ok": {
      type: "boolean",
      description:
        "crontab: a guard that does not hold, as in `test -x FILE && FILE`, skips the task instead of failing it; so does exit status 1 of the command behind it.",
    },
    "split-run-parts": {
      type: "boolean",
      description: "crontab, anacrontab: a line with run-parts becomes a task for each script of the folder.",
    },
    smtp: {
      type: "string",
      valueHint: "HOST[:PORT]",
      description:
        "crontab, anacrontab, cronicle: the mail server of `notify`, which the output is mailed through if there is a MAILTO. [default: the first email of `notify` in the configuration file]",
    },
    system: {
      type: "boolean",
      description: "crontab: the lines have a user column. [default: on for /etc/crontab and /etc/cron.d]",
      negativeDescription: "crontab: the lines have no user column, although they seem to.",
    },
    as: {
      type: "string",
      valueHint: "USER",
      description:
        "crontab, anacrontab, systemd: the user that petit runs as. [default: root for an anacrontab, units of the system or with a user column, else you]",
    },
    user: { type: "boolean", description: "systemd: units of your own systemd, as with `systemctl --user`." },
    "working-dir": {
      type: "string",
      valueHint: "DIR",
      description:
        "petit-rs: where the Rust petit was started; a relative working_dir begins there. [default: the current folder]",
    },
  },
  choices: KINDS,
  settings: [],
  examples: [
    "crontab -l | petit import crontab - -o jobs",
    "sudo petit import crontab /etc/cron.d -o /etc/petit/jobs",
    "petit import crontab mycron --json",
    "petit import systemd -o jobs",
    "petit import systemd backup.timer ./units",
    "petit import dagu ~/.config/dagu/dags -o jobs",
    "petit import cronicle export.txt -o jobs",
    "petit import petit-rs old-jobs -o jobs",
    "petit import petit-rs old-jobs --working-dir /srv/etl -o jobs",
  ],
  run: async (
    { _: given, KIND, SOURCE, output, force, strict, system, smtp, as, user, "working-dir": workingDir, ...rest },
    context,
  ) => {
    const kind = checkedKind(KIND);
    const skipInvalid = rest["skip-invalid"] ?? false;
    const guardsOk = rest["guards-ok"] ?? false;
    const splitRunParts = rest["split-run-parts"] ?? false;
    refuseOtherArgs(kind, {
      system: system !== undefined,
      "guards-ok": guardsOk,
      "skip-invalid": skipInvalid,
      "split-run-parts": splitRunParts,
      as: as !== undefined,
      smtp: smtp !== undefined,
      user: user === true,
      "working-dir": workingDir !== undefined,
    });
    const [, , extra] = given;
    if (kind !== "systemd" && extra !== undefined)
      throw new PetitError("invalid_request", `unexpected argument '${extra}'`);
    const needed = NEEDED[kind];
    if (SOURCE === undefined && needed !== null)
      throw new PetitError("invalid_request", `${needed} is missing: petit import ${kind} ${needed} [-o DIR]`);
    const outputDir = output ?? null;
    const request = {
      source: SOURCE,
      sources: given.slice(1),
      isUser: user ?? false,
      outputDir,
      system: system ?? null,
      as,
      workingDir,
      smtp: smtp ?? null,
      skipInvalid,
      guardsOk,
      splitRunParts,
      context,
    };
    return runImport(IMPORTERS[kind], request, { force: force ?? false, strict: strict ?? false });
  },
});

const checkedKind = (given: string): Kind => {
  const kind = KINDS.find((each) => each === given);
  if (kind !== undefined) return kind;
  const near = suggest(given, KINDS);
  const hint =
    near === null ? `expected ${KINDS.slice(0, -1).join(", ")} or ${KINDS.at(-1)}` : `did you mean '${near}'?`;
  throw new PetitError("invalid_request", `can't import '${given}'; ${hint}`);
};

/** The argument that a kind needs; null if it has a default. */
const NEEDED: Readonly<Record<Kind, string | null>> = {
  crontab: null,
  anacrontab: null,
  systemd: null,
  dagu: "DIR",
  cronicle: "FILE",
  "petit-rs": "DIR",
};

/** The kinds that take a flag which not all take. */
const KINDS_OF = {
  system: ["crontab"],
  "guards-ok": ["crontab"],
  "skip-invalid": ["crontab", "anacrontab"],
  "split-run-parts": ["crontab", "anacrontab"],
  smtp: ["crontab", "anacrontab", "cronicle"],
  as: ["crontab", "anacrontab", "systemd"],
  user: ["systemd"],
  "working-dir": ["petit-rs"],
} as const satisfies Readonly<Record<string, readonly Kind[]>>;

const refuseOtherArgs = (kind: Kind, given: Readonly<Record<keyof typeof KINDS_OF, boolean>>): void => {
  for (const [name, kinds] of Object.entries(KINDS_OF) as [keyof typeof KINDS_OF, readonly Kind[]][]) {
    if (!given[name] || kinds.includes(kind)) continue;
    const [first, ...others] = kinds.map((each) => `'${each}'`);
    const list = [`'petit import ${first?.slice(1)}`, ...others];
    const text = list.length === 1 ? list[0] : `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`;
    throw new PetitError("invalid_request", `--${name} is only for ${text}`);
  }
};
