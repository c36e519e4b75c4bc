import type { Json } from "../../lib/json.ts";

const OPEN = "${{";

/** Keeps a literal `${{` from being read as a template: it becomes a template whose value it is. */
export const withoutTemplates = (fields: Record<string, Json>): Record<string, Json> => {
  const text = JSON.stringify(fields);
  if (!text.includes(OPEN)) return fields;
  const { id, schedule, ...rest }: Record<string, Json> = JSON.parse(text.replaceAll(OPEN, `${OPEN} config.open }}`));
  return { id: id ?? null, ...(schedule === undefined ? {} : { schedule }), config: { open: OPEN }, ...rest };
};
