import { t } from "elysia";
import { type FailureGroup, MAX_GROUPED_ITEMS } from "../../../domain/output/failure-groups.ts";
import { exactly, integer, nullable, word } from "../schemas.ts";

export const FailureGroupBody = exactly(
  {
    text: t.String({
      description: "The line of output that explains the failure of the first of them, or else its error",
    }),
    kind: word(["line", "error"], "What `text` is"),
    count: integer({ minimum: 1, description: "Number of items" }),
    items: t.Array(
      exactly({
        index: integer({ minimum: 0, description: "Position of the item, from 0" }),
        key: t.String({ description: "Key of the item" }),
        seq: nullable(
          integer({ minimum: 1 }),
          "Number of the line in the output of the run; null if there is none, or a child run wrote it",
        ),
      }),
      { description: `The first ${MAX_GROUPED_ITEMS} of the items, in their order` },
    ),
  },
  {
    title: "FailureGroup",
    description: "Failed items whose lines differ at most in numbers, ids and the item",
    examples: [
      {
        text: "connection refused",
        kind: "line",
        count: 2,
        items: [
          { index: 2, key: "web-3", seq: 42 },
          { index: 6, key: "web-7", seq: 81 },
        ],
      },
    ],
  },
);

export const failureGroupBody = ({ items, ...group }: FailureGroup): typeof FailureGroupBody.static => ({
  ...group,
  items: items.map((item) => ({ ...item })),
});
