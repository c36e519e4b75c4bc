import type { Json } from "../../../lib/json.ts";
import type { Fields } from "./fields.ts";

/** Reads `secrets`: those of variables and files. */
export const secretsOf = (fields: Fields): Readonly<Record<string, Json>> => {
  const entry = fields.take("secrets");
  if (entry === null || entry.value.kind !== "list") return {};
  const secrets: Record<string, Json> = {};
  for (const node of entry.value.items) {
    if (node.kind !== "map") continue;
    const secret = fields.source.fields(node);
    const [name, provider, key] = [secret.text("name"), secret.text("provider"), secret.text("key")];
    if (name === null || key === null || !/^[A-Za-z_]\w*$/.test(name) || (provider !== "env" && provider !== "file"))
      fields.leaveOut(entry, `${name ?? "a secret"} is of the provider ${provider ?? "none"}; petit has env and file`);
    else secrets[name] = { [provider]: key };
  }
  return secrets;
};
