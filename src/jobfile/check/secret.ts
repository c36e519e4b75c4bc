import type { Path } from "../parse/node.ts";
import type { Report } from "../report.ts";
import type { Draft, Value } from "../schema/field.ts";
import type { SECRET } from "../schema/secret.ts";

export type SecretDraft = Draft<Value<typeof SECRET>>;

/** Checks the names in the source of a secret. Messages do not quote them, because a user may have written the secret itself. */
export const checkSecret = ({ env, credential }: SecretDraft, path: Path, report: Report): void => {
  const check = (name: string, text: string | undefined, pattern: RegExp, problem: string): void => {
    const place = [...path, name];
    if (text !== undefined && !report.has(place) && !pattern.test(text)) report.addAt(place, problem);
  };
  check("env", env, VARIABLE, "is not a variable name; expected letters, digits and '_', without '$'");
  check("credential", credential, CREDENTIAL, "is not the name of a credential; expected a file name without '/'");
};

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** See systemd.exec(5): a name that is valid as a file name. */
const CREDENTIAL = /^(?!\.{1,2}$)[^/]+$/;
