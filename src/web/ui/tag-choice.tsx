import type { JobSummary } from "../data/shapes.ts";
import { Choice } from "./choice.tsx";

type TagChoiceProps = {
  readonly jobs: readonly Pick<JobSummary, "tags">[];
  readonly value: string;
  readonly onChange: (tag: string) => void;
};

/** A filter by tag. Renders nothing if no job has a tag. */
export const TagChoice = ({ jobs, value, onChange }: TagChoiceProps) => {
  const options = tagOptions(jobs, value);
  return options !== null && <Choice label="Tag" options={options} value={value} onChange={onChange} />;
};

/** Returns the tags of the jobs as options of a filter, with the one that is selected even if no job has it any more. */
const tagOptions = (jobs: readonly Pick<JobSummary, "tags">[], selected: string): Record<string, string> | null => {
  const tags = new Set(jobs.flatMap((job) => job.tags));
  if (selected !== "") tags.add(selected);
  return tags.size === 0 ? null : { "": "any", ...Object.fromEntries([...tags].sort().map((tag) => [tag, tag])) };
};
