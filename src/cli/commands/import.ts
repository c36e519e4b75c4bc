import { PetitError } from "../../domain/errors.ts";
import { suggest } from "../../lib/suggest.ts";
import { defineCommand } from "../command.ts";
import { importCrontab } from "../import/crontab/import-crontab.ts";
import { importPetitRs } from "../import/petit-rs/import-petit-rs.ts";
import { runImport } from "../import/run-import.ts";

const KINDS = ["crontab", "petit-rs"] as const;
type Kind = (typeof KINDS)[number];

const IMPORTERS = { crontab: importCrontab, "petit-rs": importPetitRs } as const;

export const importJobs = defineCommand({
  name: "import",
  summary: "Turn a crontab, or job files of the Rust petit, into job files",
  description:
    "Writes job files that behave like the crontab, or the job files of the Rust petit, that they come from: to stdout, or with -o to " +
    "a folder. stderr says for each line or file what became of it. If anything can't be read, all problems are reported, nothing is " +
    "written, and the exit status is 1. 'crontab' imports a crontab: a user's, or with --system one with a user column. A folder such " +
    "as /etc/cron.d stands for all crontabs in it. Without FILE it reads standard input, or on a terminal what `crontab -l` prints. " +
    "'petit-rs' imports a folder of job files of the Rust petit.",
  usage: [
    "petit import crontab [FILE|-] [--system] [-o DIR]",
    "petit import petit-rs DIR [--working-dir DIR] [-o DIR]",
  ],
  args: {
    KIND: { type: "positional", required: true, description: "crontab or petit-rs." },
    SOURCE: { type: "positional", required: false, description: "The file or folder to import; - is standard input." },
    output: {
      type: "string",
      alias: "o",
      valueHint: "DIR",
      description: "Write the job files to this folder. [default: stdout]",
    },
    force: { type: "boolean", description: "Replace files of the output folder." },
    system: {
      type: "boolean",
      description: "crontab: the lines have a user column. [default: on for /etc/crontab and /etc/cron.d]",
    },
    as: {
      type: "string",
      valueHint: "USER",
      description: "crontab: the user that petit runs as. [default: root with a user column, else you]",
    },
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
    "petit import petit-rs old-jobs -o jobs",
    "petit import petit-rs old-jobs --working-dir /srv/etl -o jobs",
  ],
  run: async ({ KIND, SOURCE, output, force, system, as, "working-dir": workingDir }, context) => {
    const kind = checkedKind(KIND);
    if (kind === "petit-rs") checkArgsOfFolder({ SOURCE, system, as });
    else if (workingDir !== undefined)
      throw new PetitError("invalid_request", "--working-dir is only for 'petit import petit-rs'");
    const outputDir = output ?? null;
    const request = { source: SOURCE, outputDir, system: system ?? false, as, workingDir, context };
    return runImport(IMPORTERS[kind], request, { force: force ?? false });
  },
});

const checkedKind = (given: string): Kind => {
  const kind = KINDS.find((each) => each === given);
  if (kind !== undefined) return kind;
  const near = suggest(given, KINDS);
  const hint = near === null ? `expected ${KINDS.join(" or ")}` : `did you mean '${near}'?`;
  throw new PetitError("invalid_request", `can't import '${given}'; ${hint}`);
};

type FolderArgs = {
  readonly SOURCE: string | undefined;
  readonly system: boolean | undefined;
  readonly as: string | undefined;
};

const checkArgsOfFolder = ({ SOURCE, system, as }: FolderArgs): void => {
  if (SOURCE === undefined)
    throw new PetitError("invalid_request", "DIR is missing: petit import petit-rs DIR [-o DIR]");
  if (system || as !== undefined)
    throw new PetitError("invalid_request", `${system ? "--system" : "--as"} is only for 'petit import crontab'`);
};
