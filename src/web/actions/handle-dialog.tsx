import { useId, useState } from "react";
import { useHandleAttention } from "../data/actions.ts";
import type { AttentionItem } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { failureText } from "../ui/states.tsx";

const HOUR_MS = 3_600_000;

/** What a person can do about an entry, and for how long it holds. */
const CHOICES = [
  { value: "acknowledge", label: "Acknowledge: it comes back when it gets worse", body: null },
  { value: "hour", label: "Snooze for an hour", body: { for_ms: HOUR_MS } },
  { value: "day", label: "Snooze for a day", body: { for_ms: 24 * HOUR_MS } },
  { value: "change", label: "Snooze until it changes", body: { until_change: true } },
] as const;

type HandleDialogProps = { readonly item: AttentionItem; readonly name: string; readonly onClose: () => void };

/** Asks how to handle what needs attention, for how long, and what to tell others. */
export const HandleDialog = ({ item, name, onClose }: HandleDialogProps) => {
  const { mutate, isPending } = useHandleAttention();
  const [choice, setChoice] = useState<string>("acknowledge");
  const [note, setNote] = useState(item.note ?? "");
  const [owner, setOwner] = useState(item.owner ?? "");
  const [problem, setProblem] = useState<string | null>(null);
  const ids = { note: useId(), owner: useId(), choice: useId() };
  const save = (): void =>
    mutate(
      { id: item.id, snooze: CHOICES.find(({ value }) => value === choice)?.body ?? null, note, owner },
      { onSuccess: onClose, onError: (error) => setProblem(failureText(error)) },
    );
  return (
    <Dialog title={`Who looks after ${name}?`} onClose={onClose}>
      <p className="muted">Everybody sees it. Further failures of the same cause send no notification.</p>
      <div className="field">
        <label htmlFor={ids.choice}>What to do</label>
        <select id={ids.choice} value={choice} onChange={({ target }) => setChoice(target.value)}>
          {CHOICES.map(({ value, label }) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </div>
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
      {problem !== null && (
        <p className="wrong" role="alert">
          {problem}
        </p>
      )}
      <div className="dialog-actions">
        <Button onClick={onClose}>Close</Button>
        <Button isOnce kind="primary" isBusy={isPending} onClick={save}>
          Save
        </Button>
      </div>
    </Dialog>
  );
};
