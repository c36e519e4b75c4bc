import { jsonSchema } from "../../../jobfile/schema/json-schema.ts";
import { type FieldRow, fieldTable } from "../../../jobfile/schema/reference.ts";
import { defineCommand } from "../../command.ts";
import { EXIT } from "../../exit.ts";

export const schema = defineCommand({
  name: "schema",
  summary: "Print the JSON Schema of job files",
  description:
    "Prints the JSON Schema (2020-12) of a job. Editors with a YAML language server use it to complete and check a job file " +
    "that begins with `# yaml-language-server: $schema=petit.schema.json`.",
  args: {},
  settings: [],
  examples: ["petit schema > petit.schema.json", "petit schema --help"],
  reference: () => ({ title: "Fields of a job", rows: fieldRows() }),
  run: async (_, { terminal }) => {
    terminal.out.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
    return EXIT.DONE;
  },
});

/** Returns every field of a job file with its description. */
export const fieldRows = (): readonly (readonly [string, string])[] => fieldTable().map(rowOf);

const rowOf = ({ path, type, default: defaultText, doc }: FieldRow): readonly [string, string] => [
  path,
  `${doc} (${type}${defaultText === "required" ? ", required" : ""})${defaultText === "required" ? "" : ` [default: ${defaultText}]`}`,
];
