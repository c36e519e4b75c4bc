import { useQuery } from "@tanstack/react-query";
import { AUDIT_ACTIONS } from "../../domain/people/audit.ts";
import { AUDIT_ACTION_WORDS } from "../../domain/words/people/audit.ts";
import { jobsQuery } from "../data/queries.ts";
import { Choice, SinceChoice, withValue } from "../ui/choice.tsx";
import { TextField } from "../ui/text-field.tsx";

type AuditFiltersProps = {
  readonly params: URLSearchParams;
  readonly onChange: (values: Readonly<Record<string, string>>) => void;
};

/** The filters of the audit log. */
export const AuditFilters = ({ params, onChange }: AuditFiltersProps) => {
  const { data } = useQuery(jobsQuery());
  const jobs = data?.jobs.map(({ id }) => id) ?? [];
  const field = (name: string) => ({
    value: params.get(name) ?? "",
    onChange: (value: string) => onChange({ [name]: value }),
  });
  return (
    <search className="choices audit-filters" aria-label="Filters of the audit log">
      <TextField label="Who" placeholder="anybody" isSearch {...field("who")} />
      <Choice label="Action" options={withValue(ACTIONS, field("action").value)} {...field("action")} />
      <TextField label="Job" placeholder="any" options={jobs} {...field("job")} />
      <TextField label="On" placeholder="any id, name or path" {...field("on")} />
      <TextField label="Run" placeholder="any id" {...field("run")} />
      <Choice label="Result" options={RESULTS} {...field("denied")} />
      <SinceChoice {...field("since")} />
    </search>
  );
};

const RESULTS = { "": "any", no: "done", yes: "denied" };

/** The nouns of actions, such as `token`, with the number of their actions. */
const NOUNS = Map.groupBy(AUDIT_ACTIONS, (action) => action.split(".")[0] ?? "");

const ACTIONS: Readonly<Record<string, string>> = {
  "": "any",
  ...Object.fromEntries(
    [...NOUNS].flatMap(([noun, actions]) => [
      ...(actions.length > 1 ? [[`${noun}.`, `${noun.replaceAll("_", " ")}: all`]] : []),
      ...actions.map((action) => [action, AUDIT_ACTION_WORDS[action]]),
    ]),
  ),
};
