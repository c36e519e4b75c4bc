import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useId, useRef, useState } from "react";
import { useLocation } from "wouter";
import { EXISTING_RULES, type ExistingRule, PARALLEL } from "../../domain/backfill/backfill.ts";
import { useCreateBackfill } from "../data/actions.ts";
import { backfillPlanQuery } from "../data/queries.ts";
import type { JobDetail } from "../data/shapes.ts";
import { ParamField } from "../trigger/param-field.tsx";
import { defaultsOf, givenValues } from "../trigger/param-values.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { QuestionForm } from "../ui/overlay/question-form.tsx";
import { failureText } from "../ui/states.tsx";
import { counted } from "../ui/text/format.ts";
import "./backfills.css";

type BackfillDialogProps = { readonly job: JobDetail; readonly onClose: () => void };

const EXISTING_LABELS = {
  skip: "Leave those that have a run",
  failed: "Run failed ones again",
  all: "Run all of them again",
} as const satisfies Record<ExistingRule, string>;

/** Asks for a range of days, says what would run, starts the backfill and opens it. */
export const BackfillDialog = ({ job, onClose }: BackfillDialogProps) => (
  <Dialog title={`Run ${job.name} for the past`} onClose={onClose}>
    <BackfillForm job={job} onClose={onClose} />
  </Dialog>
);

const BackfillForm = ({ job, onClose }: BackfillDialogProps) => {
  const id = useId();
  const form = useRef<HTMLFormElement>(null);
  const [, navigate] = useLocation();
  const { mutate, isPending } = useCreateBackfill();
  const [range, setRange] = useState({ from: "", to: "" });
  const [existing, setExisting] = useState<ExistingRule>("skip");
  const [parallel, setParallel] = useState<number>(PARALLEL.default);
  const [newest_first, setNewestFirst] = useState(false);
  const [values, setValues] = useState(() => defaultsOf(job.params));
  const [problem, setProblem] = useState<string | null>(null);
  const request = {
    job_id: job.id,
    ...range,
    existing,
    parallel,
    newest_first,
    params: givenValues(job.params, values),
  };
  const isComplete = range.from !== "" && range.to !== "";
  const isReversed = isComplete && range.from > range.to;
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isPending) return;
    if (!isComplete || isReversed) {
      setProblem(isReversed ? REVERSED : "Both days are required.");
      return;
    }
    mutate(request, {
      onSuccess: (backfill) => {
        onClose();
        navigate(`/backfills/${backfill.id}`);
      },
      onError: (error) => setProblem(failureText(error)),
    });
  };
  const day = (name: "from" | "to", label: string) => (
    <div className="field">
      <label htmlFor={`${id}-${name}`}>{label}</label>
      <input
        id={`${id}-${name}`}
        type="date"
        required
        value={range[name]}
        onChange={({ target }) => {
          setProblem(null);
          setRange((now) => ({ ...now, [name]: target.value }));
        }}
      />
    </div>
  );
  return (
    <QuestionForm form={form} onSubmit={submit}>
      <p className="muted">
        Makes a run for each occurrence of the schedule, after all other runs. Both days are included
        {job.timezone !== null && `, in ${job.timezone}`}.
      </p>
      <div className="backfill-days">
        {day("from", "From")}
        {day("to", "To")}
      </div>
      <div className="field">
        <label htmlFor={`${id}-existing`}>Occurrences that have a run</label>
        <select
          id={`${id}-existing`}
          value={existing}
          onChange={({ target }) => setExisting(EXISTING_RULES.find((rule) => rule === target.value) ?? "skip")}
        >
          {EXISTING_RULES.map((rule) => (
            <option key={rule} value={rule}>
              {EXISTING_LABELS[rule]}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}-parallel`}>Runs at once</label>
        <input
          id={`${id}-parallel`}
          type="number"
          min={PARALLEL.min}
          max={PARALLEL.max}
          value={parallel}
          onChange={({ target }) => setParallel(Math.min(PARALLEL.max, Math.max(PARALLEL.min, Number(target.value))))}
        />
      </div>
      <label className="backfill-order">
        <input type="checkbox" checked={newest_first} onChange={({ target }) => setNewestFirst(target.checked)} /> Begin
        with the newest occurrence
      </label>
      {Object.entries(job.params).map(([name, param]) => (
        <ParamField
          key={name}
          name={name}
          param={param}
          value={values[name] ?? ""}
          problem={undefined}
          onChange={(value) => setValues((now) => ({ ...now, [name]: value }))}
        />
      ))}
      {problem === null && !isReversed ? (
        <Plan request={request} isOn={isComplete} />
      ) : (
        <Problem text={problem ?? REVERSED} />
      )}
      <div className="dialog-actions">
        <Button onClick={onClose}>Cancel</Button>
        <Button isOnce kind="primary" type="submit" isBusy={isPending}>
          Start backfill
        </Button>
      </div>
    </QuestionForm>
  );
};

const REVERSED = "The first day is after the last one.";

const Problem = ({ text }: { readonly text: string }) => (
  <p className="wrong" role="alert">
    {text}
  </p>
);

type PlanProps = { readonly request: Parameters<typeof backfillPlanQuery>[0]; readonly isOn: boolean };

/** Says how many runs there would be, or why there would be none. */
const Plan = ({ request, isOn }: PlanProps) => {
  const { data, error } = useQuery({ ...backfillPlanQuery(request), enabled: isOn, retry: false });
  if (!isOn) return null;
  if (error !== null) return <Problem text={failureText(error)} />;
  return (
    <p role="status">
      {data === undefined ? "Counting the occurrences …" : `${counted(data.count, "run")} would be made.`}
    </p>
  );
};
