import { jsonSchema } from "../../jobfile/schema/json-schema.ts";
import { type FieldRow, fieldTable } from "../../jobfile/schema/reference.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";

export const schema = defineCommand({
  name: "schema",
  summary: "Print the JSON Schema of job files; its help lists all fields",
  description:
    "Prints the JSON Schema (2020-12) of a job. Editors with a YAML language server complete and check job files by it, " +
    "where the file begins with `# yaml-language-server: $schema=petit.schema.json`.",
  args: {},
  settings: [],
  examples: ["petit schema > petit.schema.json", "petit schema --help"],
  reference: () => ({ title: "Fields of a job", rows: fieldRows() }),
  run: async (_, { terminal }) => {
    terminal.out.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
    return EXIT.DONE;
  },
});

/** Every field of a job file, with what it is. */
export const fieldRows = (): readonly (readonly [string, string])[] => fieldTable().map(rowOf);

const rowOf = ({ path, type, default: given, doc }: FieldRow): readonly [string, string] => [
  path,
  `${doc} (${type}${given === "required" ? ", required" : ""})${given === "required" ? "" : ` [default: ${given}]`}`,
];
