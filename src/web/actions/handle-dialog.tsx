import { type FormEvent, useId, useRef, useState } from "react";
import { ClientError } from "../../client/error.ts";
import { parseSnooze, SNOOZE_FORM } from "../../domain/inbox/snooze-time.ts";
import { type MarkFacts, markText } from "../../domain/words/inbox/mark.ts";
import { useHandleAttention } from "../data/actions.ts";
import { petitNow } from "../data/petit-time.ts";
import type { AttentionItem } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { pageZoneName } from "../ui/display.ts";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { failureText } from "../ui/states.tsx";
import { dateTimeText } from "../ui/text/format.ts";

const HOUR_MS = 3_600_000;

/** What a person can do about an entry, and for how long it holds. */
const CHOICES = [
  { value: "acknowledge", label: "Acknowledge: it comes back when it gets worse", body: null },
  { value: "hour", label: "Snooze for an hour", body: { for_ms: HOUR_MS } },
  { value: "day", label: "Snooze for a day", body: { for_ms: 24 * HOUR_MS } },
  { value: "change", label: "Snooze until it changes", body: { until_change: true } },
  { value: "other", label: "Snooze for another time …", body: null },
] as const;

type ChoiceValue = (typeof CHOICES)[number]["value"];

type HandleDialogProps = { readonly item: AttentionItem; readonly name: string; readonly onClose: () => void };

/** Asks how to handle what needs attention, for how long, and what to tell others. */
export const HandleDialog = ({ item, name, onClose }: HandleDialogProps) => {
  const { mutate, isPending } = useHandleAttention();
  const [choice, setChoice] = useState<ChoiceValue>("acknowledge");
  const [time, setTime] = useState("");
  const [note, setNote] = useState(item.note ?? "");
  const [owner, setOwner] = useState(item.owner ?? "");
  const [problem, setProblem] = useState<string | null>(null);
  // What others have said since the dialog was opened.
  const [changed, setChanged] = useState<ChangedMark | null>(null);
  const [opened] = useState<SeenMark>(item);
  const [isTimeWrong, setTimeWrong] = useState(false);
  const timeField = useRef<HTMLInputElement>(null);
  const ids = { note: useId(), owner: useId(), choice: useId(), time: useId(), timeText: useId() };
  const other = choice === "other" ? parseSnooze(time, { now: petitNow(), zone: pageZoneName() }) : null;
  const save = (event: FormEvent): void => {
    event.preventDefault();
    if (isPending) return;
    setProblem(null);
    if (choice === "other" && other === null) {
      setTimeWrong(true);
      timeField.current?.focus();
      return;
    }
    const snooze = choice === "other" ? other : (CHOICES.find(({ value }) => value === choice)?.body ?? null);
    mutate(
      { id: item.id, snooze, note, owner, version: (changed ?? opened).mark_version },
      {
        onSuccess: onClose,
        onError: (error) => {
          const mark = changedMarkOf(error);
          if (mark === null) return setProblem(failureText(error));
          setChanged(mark);
          // What the user has not changed follows what the others wrote.
          if (owner === ((changed ?? opened).owner ?? "")) setOwner(mark.owner ?? "");
          if (note === ((changed ?? opened).note ?? "")) setNote(mark.note ?? "");
        },
      },
    );
  };
  return (
    <Dialog title={`Who looks after ${name}?`} onClose={onClose}>
      <form className="dialog-form" noValidate onSubmit={save}>
        <p className="muted">Everybody sees it. Further failures of the same cause send no notification.</p>
        <div className="field">
          <label htmlFor={ids.choice}>What to do</label>
          <select
            id={ids.choice}
            value={choice}
            onChange={({ target }) =>
              setChoice(CHOICES.find(({ value }) => value === target.value)?.value ?? "acknowledge")
            }
          >
            {CHOICES.map(({ value, label }) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </div>
        {choice === "other" && (
          <div className="field">
            <label htmlFor={ids.time}>For how long, or until when</label>
            <input
              id={ids.time}
              ref={timeField}
              value={time}
              maxLength={64}
              placeholder="2h, 18:00, monday 09:00"
              autoComplete="off"
              spellCheck={false}
              aria-describedby={ids.timeText}
              aria-invalid={isTimeWrong || undefined}
              onChange={({ target }) => {
                setTime(target.value);
                setTimeWrong(false);
              }}
            />
            <small
              id={ids.timeText}
              className={isTimeWrong ? "wrong" : undefined}
              role={isTimeWrong ? "alert" : undefined}
            >
              {other === null ? `${isTimeWrong ? "Expected" : "For example"} ${SNOOZE_FORM}` : untilText(other)}
            </small>
          </div>
        )}
        <div className="field">
          <label htmlFor={ids.owner}>Owner</label>
          <input id={ids.owner} maxLength={100} value={owner} onChange={({ target }) => setOwner(target.value)} />
        </div>
        <div className="field">
          <label htmlFor={ids.note}>Note</label>
          <textarea
            id={ids.note}
            rows={3}
            maxLength={2000}
            value={note}
            onChange={({ target }) => setNote(target.value)}
          />
        </div>
        {changed !== null && (
          <p className="wrong" role="alert">
            Somebody was faster. It is now: {markText(changed, dateTimeText) || "not acknowledged"}. Save replaces that.
          </p>
        )}
        {problem !== null && (
          <p className="wrong" role="alert">
            {problem}
          </p>
        )}
        <div className="dialog-actions">
          <Button onClick={onClose}>Close</Button>
          <Button type="submit" isOnce kind="primary" isBusy={isPending}>
            {changed === null ? "Save" : "Save anyway"}
          </Button>
        </div>
      </form>
    </Dialog>
  );
};

type SeenMark = Pick<AttentionItem, "owner" | "note" | "mark_version">;

type ChangedMark = MarkFacts & SeenMark;

/** Returns what is said about an entry now if that is why a change was refused; otherwise null. */
const changedMarkOf = (error: unknown): ChangedMark | null => {
  const details = error instanceof ClientError && error.failure.kind === "refused" ? error.failure.details : null;
  return details?.reason === "mark_changed" ? details : null;
};

/** Returns until when something is snoozed, with the zone. */
const untilText = (snooze: NonNullable<ReturnType<typeof parseSnooze>>): string =>
  `Until ${dateTimeText("until" in snooze ? snooze.until : petitNow() + snooze.for_ms)}`;
