import { useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, type RefObject, useEffect, useId, useRef, useState } from "react";
import { useLocation } from "wouter";
import { shownStatusOf, statusWords } from "../../domain/words/waiting-for.ts";
import { RunDialog } from "../actions/dialogs.ts";
import { petitNow } from "../data/petit-time.ts";
import { goneJobsQuery, jobsQuery, runsQuery } from "../data/queries.ts";
import { useMay } from "../data/selected.ts";
import { shortcuts } from "../keyboard/shortcuts.ts";
import { Dialog } from "../ui/overlay/dialog.tsx";
import { RunStatusText, StatusIcon } from "../ui/status/status.tsx";
import { timeText } from "../ui/text/format.ts";
import { isRunIdPart, offersFor, type PaletteEntry } from "./find.ts";
import "./palette.css";

type PaletteProps = {
  /** What was typed before the palette was loaded. */
  readonly typed: Readonly<RefObject<string>>;
  readonly onClose: () => void;
};

/** Finds jobs, runs and actions by the keyboard alone. */
export const Palette = ({ typed, onClose }: PaletteProps) => {
  const [triggered, setTriggered] = useState<string | null>(null);
  if (triggered !== null) return <RunDialog jobId={triggered} onClose={onClose} />;
  return (
    <Dialog title="Find jobs, runs and actions" onClose={onClose}>
      <Finder typed={typed} onClose={onClose} onTrigger={setTriggered} />
    </Dialog>
  );
};

type FinderProps = PaletteProps & { readonly onTrigger: (jobId: string) => void };

const Finder = ({ typed, onClose, onTrigger }: FinderProps) => {
  const [text, setText] = useState(() => typed.current);
  const [at, setAt] = useState(0);
  const [, navigate] = useLocation();
  const listId = useId();
  const field = useRef<HTMLInputElement>(null);
  const offers = useOffers(text);
  const position = Math.min(at, offers.length - 1);
  useEffect(() => field.current?.focus(), []);
  const choose = (offer: PaletteEntry): void => {
    if (offer.kind === "trigger") {
      onTrigger(offer.job.id);
      return;
    }
    onClose();
    if (offer.kind === "action") setTimeout(offer.run);
    else navigate(hrefOf(offer));
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const chosen = offers[position];
    if (event.key === "Enter" && chosen !== undefined) choose(chosen);
    else if (event.key === "ArrowDown") setAt((position + 1) % offers.length);
    else if (event.key === "ArrowUp") setAt((position - 1 + offers.length) % offers.length);
    else return;
    event.preventDefault();
  };
  return (
    <>
      <input
        ref={field}
        type="search"
        role="combobox"
        aria-label="Find"
        aria-expanded={offers.length > 0}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={offers.length > 0 ? `${listId}-${position}` : undefined}
        placeholder="Name, run id, name=value, or an action"
        autoComplete="off"
        spellCheck={false}
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div id={listId} role="listbox" aria-label="Results" className="palette-list">
        {offers.map((offer, index) => (
          <Option
            key={keyOf(offer)}
            id={`${listId}-${index}`}
            offer={offer}
            isSelected={index === position}
            onChoose={choose}
          />
        ))}
      </div>
    </>
  );
};

/** Delay of the request for runs after the last key, in ms. */
const WAIT_MS = 150;

const useOffers = (text: string): readonly PaletteEntry[] => {
  const { data } = useQuery(jobsQuery());
  const gone = useQuery(goneJobsQuery());
  const asked = useDelayed(text.trim());
  const found = useQuery({ ...runsQuery({ id: asked.toLowerCase(), limit: 5 }), enabled: isRunIdPart(asked) });
  // The shortcuts of the view below stay the same while the palette is open.
  const [actions] = useState(() => shortcuts().filter(({ isOn, isMove }) => isOn !== false && isMove !== true));
  const runs = isRunIdPart(text) && asked === text.trim() ? (found.data?.runs ?? []) : [];
  const mayRun = useMay("operator");
  const offers = offersFor(text, { jobs: data?.jobs ?? [], goneJobs: gone.data?.jobs ?? [], runs, actions });
  return mayRun ? offers : offers.filter(({ kind }) => kind !== "trigger");
};

const useDelayed = (value: string): string => {
  const [delayed, setDelayed] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setDelayed(value), WAIT_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return delayed;
};

type LinkOffer = Exclude<PaletteEntry, { readonly kind: "action" | "trigger" }>;

const hrefOf = (offer: LinkOffer): string => {
  if (offer.kind === "link") return offer.href;
  return offer.kind === "job" ? `/jobs/${offer.job.id}` : `/runs/${offer.run.id}`;
};

const keyOf = (offer: PaletteEntry): string => {
  if (offer.kind === "action") return `action ${offer.key}`;
  return offer.kind === "trigger" ? `trigger ${offer.job.id}` : hrefOf(offer);
};

type OptionProps = {
  readonly id: string;
  readonly offer: PaletteEntry;
  readonly isSelected: boolean;
  readonly onChoose: (offer: PaletteEntry) => void;
};

const Option = ({ id, offer, isSelected, onChoose }: OptionProps) => {
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isSelected) element.current?.scrollIntoView({ block: "nearest" });
  }, [isSelected]);
  return (
    // biome-ignore lint/a11y/useFocusableInteractive: the focus stays in the field, as in every combobox.
    // biome-ignore lint/a11y/useKeyWithClickEvents: see above.
    <div
      ref={element}
      id={id}
      role="option"
      aria-selected={isSelected}
      onMouseDown={(event) => event.preventDefault()}
      onClick={() => onChoose(offer)}
    >
      <OfferText offer={offer} />
    </div>
  );
};

const jobKind = ({ job: { id, name, gone }, formerId }: Extract<PaletteEntry, { readonly kind: "job" }>): string => {
  const texts = [name === id ? null : id, formerId === null ? null : `formerly ${formerId}`, gone ? "gone" : null];
  const known = texts.filter((text) => text !== null);
  return known.length === 0 ? "job" : known.join(", ");
};

const OfferText = ({ offer }: { readonly offer: PaletteEntry }) => {
  switch (offer.kind) {
    case "job": {
      const { name, last_run } = offer.job;
      return (
        <>
          {last_run === null ? (
            <span className="status-icon" />
          ) : (
            <StatusIcon of={shownStatusOf(last_run)} label={`${statusWords(last_run)}: `} />
          )}
          <span>{name}</span>
          <span className="palette-kind muted">{jobKind(offer)}</span>
        </>
      );
    }
    case "trigger":
      return (
        <>
          <span className="status-icon" />
          <span>Run {offer.job.name} …</span>
          <span className="palette-kind muted">action</span>
        </>
      );
    case "run": {
      const { id, job_id, started_at, created_at } = offer.run;
      return (
        <>
          <RunStatusText run={offer.run} />
          <span>{job_id}</span>
          <span className="muted">{timeText(started_at ?? created_at, petitNow())}</span>
          <span className="palette-kind mono muted">{id.slice(-8)}</span>
        </>
      );
    }
    case "link":
      return (
        <>
          <span className="status-icon" />
          <span>{offer.label}</span>
        </>
      );
    default:
      return (
        <>
          <span className="status-icon" />
          <span>{offer.label}</span>
          <span className="palette-kind row">
            {offer.key.split(" ").map((key) => (
              <kbd className="key" key={key}>
                {key}
              </kbd>
            ))}
          </span>
        </>
      );
  }
};
