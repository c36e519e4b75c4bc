import type { ObjectType } from "../../../jobfile/schema/field.ts";
import { JOB } from "../../../jobfile/schema/job.ts";
import { jsonSchema, testFileSchema } from "../../../jobfile/schema/json-schema.ts";
import { type FieldRow, fieldTable } from "../../../jobfile/schema/reference.ts";
import { usageError } from "../../argv.ts";
import { defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";
import { globalArgs } from "../../flags.ts";

const SCHEMAS = { jobs: jsonSchema, tests: testFileSchema } as const;

export const schema = defineCommand({
  name: "schema",
  summary: "Print the JSON Schema of job files, or of test files",
  description:
    "Prints the JSON Schema (2020-12) of a job. Editors with a YAML language server use it to complete and check a job file " +
    "that begins with `# yaml-language-server: $schema=petit.schema.json`. With `tests`, prints that of test files.",
  args: {
    KIND: { type: "positional", required: false, description: "What the schema is for. [default: jobs]" },
  },
  choices: Object.keys(SCHEMAS),
  settings: [],
  examples: ["petit schema > petit.schema.json", "petit schema tests > petit-tests.schema.json", "petit schema --help"],
  reference: () => ({ title: "Fields of a job", rows: fieldRows() }),
  run: async ({ KIND = "jobs" }, { terminal }) => {
    const create = Object.entries(SCHEMAS).find(([kind]) => kind === KIND)?.[1];
    if (create === undefined)
      throw usageError(
        `there is no schema of '${KIND}'`,
        Object.hasOwn(globalArgs, KIND) ? `'--${KIND}'` : "'petit schema tests'",
        "petit schema",
      );
    terminal.out.write(`${JSON.stringify(create(), null, 2)}\n`);
    return EXIT.DONE;
  },
});

/** Returns every field of a job file, or of another type, with its description. */
export const fieldRows = (type: ObjectType = JOB): readonly (readonly [string, string])[] =>
  fieldTable(type).map(rowOf);

const rowOf = ({ path, type, default: defaultText, doc }: FieldRow): readonly [string, string] => [
  path,
  `${doc} (${type}${defaultText === "required" ? ", required" : ""})${defaultText === "required" ? "" : ` [default: ${defaultText}]`}`,
];
