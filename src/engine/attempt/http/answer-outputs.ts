import { randomBytes } from "node:crypto";
import { asText } from "../../../domain/task-environment.ts";
import { type Json, JsonError, parseJson } from "../../../lib/json.ts";
import { valueAt } from "../../../lib/json-pointer.ts";
import { RequestFault } from "./fault.ts";

/** Maximum size of an answer from which outputs are read, in bytes. */
export const MAX_ANSWER_BYTES = 16_777_216;

/** Returns the text for `$PETIT_OUTPUT`: the values to which the pointers of the outputs refer. Throws RequestFault. */
export const outputsText = (body: string, outputs: Readonly<Record<string, string>>): string => {
  const answer = parse(body);
  return Object.entries(outputs)
    .map(([name, pointer]) => {
      const value = valueAt(answer, pointer);
      if (value === undefined)
        throw new RequestFault(`the answer has nothing at '${pointer}', which the output ${name} needs`, {
          isTransient: false,
        });
      const end = randomBytes(16).toString("hex");
      return `${name}<<${end}\n${asText(value)}\n${end}\n`;
    })
    .join("");
};

const parse = (body: string): Json => {
  try {
    return parseJson(body);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new RequestFault(`the answer ${error.message}, so its outputs can't be read`, { isTransient: false });
  }
};
