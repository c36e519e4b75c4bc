import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { petitNow } from "../../data/petit-time.ts";
import { Button } from "../../ui/button.tsx";
import { Dialog } from "../../ui/overlay/dialog.tsx";
import { type Period, type TimeView, viewOfPeriod } from "./time-window.ts";

type PeriodDialogProps = {
  readonly period: Period;
  readonly onChoose: (view: TimeView) => void;
  readonly onClose: () => void;
};

/** Asks for the period that the timeline shows. */
export const PeriodDialog = ({ period, onChoose, onClose }: PeriodDialogProps) => {
  const [since, setSince] = useState(period.since);
  const [until, setUntil] = useState(period.until);
  const [problem, setProblem] = useState<string | null>(null);
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => form.current?.querySelector("input")?.focus(), []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const view = viewOfPeriod({ since: since.trim(), until: until.trim() }, petitNow());
    if ("problem" in view) {
      setProblem(view.problem);
      return;
    }
    onChoose(view);
    onClose();
  };
  return (
    <Dialog title="Period of the timeline" onClose={onClose}>
      <form ref={form} className="dialog-form" noValidate onSubmit={submit}>
        <TimeField label="Since" value={since} onChange={setSince} />
        <TimeField label="Until" value={until} onChange={setUntil} hint="empty: now" />
        <p className="muted">
          <code>-2d</code>, <code>6h</code>, <code>yesterday</code>, <code>friday 18:00</code>, <code>2026-11-27</code>{" "}
          or <code>2026-11-27 06:00</code>
        </p>
        {problem !== null && (
          <p className="wrong" role="alert">
            {problem}.
          </p>
        )}
        <div className="dialog-actions">
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit">
            Show
          </Button>
        </div>
      </form>
    </Dialog>
  );
};

type TimeFieldProps = {
  readonly label: string;
  readonly value: string;
  readonly hint?: string;
  readonly onChange: (value: string) => void;
};

const TimeField = ({ label, value, hint, onChange }: TimeFieldProps) => {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="text"
        list={`${id}-list`}
        autoComplete="off"
        spellCheck={false}
        maxLength={64}
        placeholder={hint}
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
      <datalist id={`${id}-list`}>
        {SUGGESTIONS.map((each) => (
          <option key={each} value={each} />
        ))}
      </datalist>
    </div>
  );
};

const SUGGESTIONS = ["today", "yesterday", "-2d", "friday", "-1w", "-30d"];
