import type { JobSummary } from "../data/shapes.ts";
import { useWindowRows } from "../ui/table/use-window-rows.ts";
import { type JobFilter, type SortKey, sortedBy } from "./job-list.ts";
import { JobRow } from "./job-row.tsx";

type JobTableProps = {
  readonly jobs: readonly JobSummary[];
  readonly filter: JobFilter;
  readonly isPaused: boolean;
  readonly onSort: (sort: string) => void;
  readonly onRun: (jobId: string) => void;
  readonly onPause: (jobId: string, isPaused: boolean) => void;
};

const ROW_PX = 54;

/** The table of jobs. Only the visible rows are rendered. */
export const JobTable = ({ jobs, filter, isPaused, onSort, onRun, onPause }: JobTableProps) => {
  const { container, rows, above, below, measure } = useWindowRows<HTMLTableElement>({
    count: jobs.length,
    estimatePx: ROW_PX,
    estimateTop: 150,
    keyAt: (index) => jobs[index]?.id ?? "",
  });
  return (
    <table ref={container} className="table jobs-table" aria-rowcount={jobs.length + 1}>
      <caption className="visually-hidden">Jobs</caption>
      <thead>
        <tr aria-rowindex={1}>
          {COLUMNS.map(({ name, sort, isNumber = false }) => (
            <th key={name} scope="col" className={isNumber ? "number" : undefined} aria-sort={ariaSort(filter, sort)}>
              {sort === undefined ? name : <SortButton name={name} sort={sort} filter={filter} onSort={onSort} />}
            </th>
          ))}
          <th scope="col">
            <span className="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        <Gap height={above} />
        {rows.map(({ index }) => {
          const job = jobs[index];
          return (
            job && (
              <JobRow
                key={job.id}
                ref={measure}
                job={job}
                isPaused={isPaused}
                index={index}
                onRun={onRun}
                onPause={onPause}
              />
            )
          );
        })}
        <Gap height={below} />
      </tbody>
    </table>
  );
};

type JobTableColumn = { readonly name: string; readonly sort?: SortKey; readonly isNumber?: boolean };

const COLUMNS: readonly JobTableColumn[] = [
  { name: "Job", sort: "name" },
  { name: "Schedule" },
  { name: "Next", sort: "next" },
  { name: "Last run", sort: "last" },
  { name: "Last 30 runs" },
  { name: "Success", sort: "success", isNumber: true },
  { name: "Usually", sort: "usual", isNumber: true },
  { name: "Change", sort: "change", isNumber: true },
];

const ariaSort = (filter: JobFilter, sort: SortKey | undefined) => {
  if (filter.sort !== sort) return undefined;
  return filter.isDescending ? "descending" : "ascending";
};

type SortButtonProps = { readonly name: string; readonly sort: SortKey } & Pick<JobTableProps, "filter" | "onSort">;

const SortButton = ({ name, sort, filter, onSort }: SortButtonProps) => (
  <button type="button" className="sort" onClick={() => onSort(sortedBy(filter, sort))}>
    {name} <span aria-hidden="true">{filter.sort === sort && (filter.isDescending ? "↓" : "↑")}</span>
  </button>
);

/** Takes the space of the rows that are not rendered. */
const Gap = ({ height }: { readonly height: number }) => height > 0 && <tr style={{ height }} />;
