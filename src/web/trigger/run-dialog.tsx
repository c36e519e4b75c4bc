import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { useLocation } from "wouter";
import { ClientError, isRefused } from "../../client/error.ts";
import { useTrigger } from "../data/actions.ts";
import { jobQuery } from "../data/queries.ts";
import type { JobDetail } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { QuestionForm } from "../ui/overlay/question-form.tsx";
import { failureText, Loaded } from "../ui/states.tsx";
import { ParamField } from "./param-field.tsx";
import {
  defaultsOf,
  type FormProblems,
  givenValues,
  NO_PROBLEM,
  problemsIn,
  problemsOf,
  type Values,
} from "./param-values.ts";
import "./trigger.css";

type RunDialogProps = {
  readonly jobId: string;
  /** Values to begin with, such as those of another run; by default those of the definition. */
  readonly params?: Values;
  readonly onClose: () => void;
};

/** Asks for the params of a job, triggers it, and opens the run. */
export const RunDialog = ({ jobId, params = {}, onClose }: RunDialogProps) => {
  const job = useQuery(jobQuery(jobId));
  return (
    <Dialog title={`Run ${job.data?.name ?? jobId} now?`} onClose={onClose}>
      <Loaded query={job} what="the params">
        {(detail) => <RunForm job={detail} params={params} onClose={onClose} />}
      </Loaded>
    </Dialog>
  );
};

type RunFormProps = { readonly job: JobDetail; readonly params: Values; readonly onClose: () => void };

const RunForm = ({ job, params, onClose }: RunFormProps) => {
  const { values, problems, refusals, isPending, set, submit } = useRunForm({ job, params, onClose });
  const form = useRef<HTMLFormElement>(null);
  // The field may be far above the button.
  useEffect(() => {
    if (refusals > 0) form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus();
  }, [refusals]);
  return (
    <QuestionForm form={form} onSubmit={submit}>
      <p className="muted">{aboutRun(job)}</p>
      {Object.entries(job.params).map(([name, param]) => (
        <ParamField
          key={name}
          name={name}
          param={param}
          value={values[name] ?? ""}
          problem={problems.byParam[name]}
          onChange={(value) => set(name, value)}
        />
      ))}
      {problems.general !== null && (
        <p className="wrong" role="alert">
          {problems.general}
        </p>
      )}
      <div className="dialog-actions">
        <Button onClick={onClose}>Cancel</Button>
        <Button isOnce kind="primary" type="submit" isBusy={isPending}>
          Run now
        </Button>
      </div>
    </QuestionForm>
  );
};

const aboutRun = ({ description, enabled, params, tasks }: JobDetail): string => {
  const what = description ?? `${tasks.length === 1 ? "One task" : `${tasks.length} tasks`}.`;
  const none = Object.keys(params).length === 0 ? " It has no params." : "";
  return `${what}${enabled ? "" : " The job is disabled; you can still run it."}${none}`;
};

const useRunForm = ({ job, params, onClose }: RunFormProps) => {
  const [, navigate] = useLocation();
  const { mutate, isPending } = useTrigger({ isFailureShown: true });
  const [values, setValues] = useState(() => ({ ...defaultsOf(job.params), ...params }));
  const [problems, setProblems] = useState(NO_PROBLEM);
  const [refusals, setRefusals] = useState(0);
  const refuse = (found: FormProblems): void => {
    setProblems(found);
    setRefusals((count) => count + 1);
  };
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (isPending) return;
    const found = problemsOf(job.params, values);
    if (Object.keys(found.byParam).length > 0) {
      refuse(found);
      return;
    }
    setProblems(NO_PROBLEM);
    mutate(
      { jobId: job.id, params: givenValues(job.params, values) },
      {
        onSuccess: ({ run_id }) => {
          onClose();
          navigate(`/runs/${run_id}`);
        },
        onError: (error) =>
          refuse(problemsIn(job.params, { message: refusalText(error), problems: paramProblems(error) })),
      },
    );
  };
  const set = (name: string, value: string): void => {
    setValues((now) => ({ ...now, [name]: value }));
    setProblems(({ byParam, general }) => ({
      byParam: Object.fromEntries(Object.entries(byParam).filter(([key]) => key !== name)),
      general,
    }));
  };
  return { values, problems, refusals, isPending, set, submit };
};

/** Returns the params that petit found wrong, if that is why it refused. */
const paramProblems = (error: unknown) => {
  const details = error instanceof ClientError && error.failure.kind === "refused" ? error.failure.details : null;
  return details?.reason === "invalid_value" ? details.params : undefined;
};

/** Returns petit's message about invalid params, or the general text of another error. */
const refusalText = (error: unknown): string =>
  error instanceof ClientError && isRefused(error, "INVALID_REQUEST") ? error.message : failureText(error);
