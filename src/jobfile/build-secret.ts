import type { SecretSource, TextOrSecret } from "../domain/secret.ts";
import type { Value } from "./schema/field.ts";
import type { SECRET } from "./schema/secret.ts";

type SecretFields = Value<typeof SECRET>;

export const buildTextOrSecret = (fields: string | SecretFields): TextOrSecret =>
  typeof fields === "string" ? fields : buildSource(fields);

export const buildSource = ({ env, file, credential }: SecretFields): SecretSource => {
  if (env !== undefined) return { env };
  return file === undefined ? { credential: credential ?? "" } : { file };
};
