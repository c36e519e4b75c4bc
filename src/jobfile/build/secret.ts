import type { SecretSource, TextOrSecret } from "../../domain/secret.ts";
import type { Value } from "../schema/field.ts";
import type { SECRET } from "../schema/secret.ts";

type SecretFields = Value<typeof SECRET>;

const asWritten = (path: string): string => path;

/** Builds a text or the source of a secret. `pathOf` returns the path that the source has for one in the field. */
export const buildTextOrSecret = (fields: string | SecretFields, pathOf = asWritten): TextOrSecret =>
  typeof fields === "string" ? fields : buildSource(fields, pathOf);

export const buildSource = ({ env, file, credential }: SecretFields, pathOf = asWritten): SecretSource => {
  if (env !== undefined) return { env };
  return file === undefined ? { credential: credential ?? "" } : { file: pathOf(file) };
};
