import type { Json } from "../../lib/json.ts";

const OPEN = "${{";

/** Fields in which no template is expanded. */
const PLAIN = ["id", "name", "description", "tags", "schedule"];

/** Keeps a literal `${{` from being read as a template: it becomes a template whose value it is. */
export const withoutTemplates = (fields: Record<string, Json>): Record<string, Json> => {
  const [plain, others] = [true, false].map((isPlain) =>
    Object.fromEntries(Object.entries(fields).filter(([name]) => PLAIN.includes(name) === isPlain)),
  );
  const text = JSON.stringify(others);
  if (!text.includes(OPEN)) return fields;
  const escaped: Record<string, Json> = JSON.parse(text.replaceAll(OPEN, `${OPEN} config.open }}`));
  return { ...plain, config: { open: OPEN }, ...escaped };
};
