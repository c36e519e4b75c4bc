import type { Field, TextType } from "./field.ts";
import { SECRET } from "./secret.ts";
import { datum } from "./text.ts";

const environmentName = {
  kind: "text",
  form: "a variable name without '='",
  pattern: "^[^=]+$",
  characters: "name",
} as const satisfies TextType;

export const environment = (whose: string) =>
  ({
    type: { kind: "map", keys: environmentName, of: { kind: "shape", scalar: datum, map: SECRET }, emptyValue: "" },
    doc: `Environment variables ${whose}. Numbers and booleans are used as written; an empty value is an empty text. A secret is named by its source: \`{env: NAME}\`, \`{file: PATH}\` or \`{credential: NAME}\`; it is read when an attempt starts, and \`***\` replaces it in the output.`,
    default: {},
  }) as const satisfies Field;
