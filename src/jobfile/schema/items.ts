import { MAX_ITEMS } from "../../domain/item.ts";
import type { Field, FieldType } from "./field.ts";

const foreach = {
  kind: "shape",
  scalar: { kind: "text", form: "a template that yields a JSON array", characters: "data" },
  list: { kind: "list", of: { kind: "json" }, minItems: 0 },
  map: {
    kind: "object",
    fields: {
      range: {
        type: { kind: "list", of: { kind: "integer", min: -1_000_000_000, max: 1_000_000_000 }, minItems: 1 },
        required: true,
        doc: "The first and the last number; both are included.",
        example: [1, 10],
      },
    },
  },
} as const satisfies FieldType;

/** The fields of a task that runs once for each item of a list. */
export const ITEM_FIELDS = {
  foreach: {
    type: foreach,
    doc: `Runs the task once for each item: a list of values, a template that yields a JSON array, or \`{range: [FIRST, LAST]}\`; at most ${MAX_ITEMS} items. A script reads the item in \`$PETIT_ITEM\`, \`$PETIT_ITEM_KEY\`, \`$PETIT_ITEM_INDEX\`, and a field of a map in \`$PETIT_ITEM_<FIELD>\`.`,
    absent: "the task runs once",
    example: ["web-1", "web-2"],
  },
  matrix: {
    type: {
      kind: "map",
      keys: { kind: "text", form: "the name of an axis", maxLength: 128, characters: "name" },
      of: { kind: "json" },
    },
    doc: "Runs the task once for each combination of the values of its axes. `exclude` and `include` are lists of maps, as in GitHub Actions. A script reads a value in `$PETIT_MATRIX_<AXIS>`.",
    absent: "the task runs once",
    example: { os: ["bookworm", "trixie"], node: [20, 22] },
  },
  item_key: {
    type: { kind: "text", form: "a text", characters: "name" },
    doc: "The key of an item, which identifies it in lists and in retries; templates are expanded.",
    absent: "a short scalar itself, the values of a combination, otherwise the index",
    example: "${{ item.name }}",
  },
  max_parallel: {
    type: { kind: "integer", min: 1, max: MAX_ITEMS },
    doc: "How many items may run at the same time, within `--max-tasks`.",
    absent: "no limit of its own",
    example: 4,
  },
  fail_fast: {
    type: { kind: "boolean" },
    doc: "Whether the other items end when more than `max_failures` items have failed.",
    absent: "false",
  },
  max_failures: {
    type: {
      kind: "text",
      form: "a number, or a percentage up to 100%",
      pattern: "^(0|[1-9][0-9]{0,3}|([1-9]?[0-9]|100)%)$",
      scalars: true,
    },
    doc: "How many items may fail before the task fails: a number, or a percentage such as `10%`.",
    absent: "0",
    example: "10%",
  },
} as const satisfies { readonly [name: string]: Field };
