import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Fragment, type ReactNode, useId, useState } from "react";
import { Link, useSearchParams } from "wouter";
import { MOMENT_FORM, parseMoment } from "../../domain/time-span.ts";
import { changeText } from "../../domain/words/duration-change.ts";
import { staleSinceText } from "../../domain/words/inbox/expectation.ts";
import {
  actorText,
  childFailuresText,
  deletedRunsText,
  dueCountText,
  failuresWords,
  PERSON_ACTION_VERBS,
  REVIEW_NOTHING,
  REVIEW_TITLES,
  type ReviewPartName,
  runCountsText,
  timesText,
} from "../../domain/words/review.ts";
import { otherParamsText } from "../../domain/words/run-facts.ts";
import { OCCURRENCE_REASON_TEXT } from "../../domain/words/schedule/occurrence.ts";
import { petitNow } from "../data/petit-time.ts";
import { jobsQuery, reviewQuery, reviewRestQuery } from "../data/queries.ts";
import type { ReviewData } from "../data/shapes.ts";
import { Button } from "../ui/button.tsx";
import { Choice, withParam } from "../ui/choice.tsx";
import { Page } from "../ui/page.tsx";
import { failureText, Loaded } from "../ui/states.tsx";
import { TagChoice } from "../ui/tag-choice.tsx";
import { counted, dateRangeText, dateTimeText, durationText, timeText, zonedText } from "../ui/text/format.ts";
import { Time } from "../ui/time/time.tsx";
import "./review.css";

const DEFAULT_SINCE = "1d";

/** Shows what happened in a period that the URL names, and what is due today. */
export const ReviewView = () => {
  const [query, setQuery] = useSearchParams();
  const [since, until, tag] = [query.get("since") || DEFAULT_SINCE, query.get("until") ?? "", query.get("tag") ?? ""];
  const { data } = useQuery(jobsQuery());
  const review = useQuery({
    ...reviewQuery({ since, ...(until !== "" && { until }), ...(tag !== "" && { tag }) }),
    placeholderData: keepPreviousData,
  });
  const set = (name: string) => (value: string) => setQuery((now) => withParam(now, name, value));
  return (
    <Page
      title={review.data === undefined ? "Review" : `Review, ${daysText(review.data)}`}
      lead={review.data !== undefined && <Lead review={review.data} tag={tag} isOpen={until === ""} />}
      actions={
        <Button className="review-controls" onClick={() => window.print()}>
          Print
        </Button>
      }
    >
      <search className="choices review-controls" aria-label="Period of the review">
        <Choice
          label="Since"
          options={since in PERIODS ? PERIODS : { ...PERIODS, [since]: since }}
          value={since}
          onChange={set("since")}
        />
        <MomentField
          key={`since ${since}`}
          label="or since"
          value={since in PERIODS ? "" : since}
          onChange={set("since")}
        />
        <MomentField key={`until ${until}`} label="Until" value={until} onChange={set("until")} />
        <TagChoice jobs={data?.jobs ?? []} value={tag} onChange={set("tag")} />
      </search>
      <Loaded query={review} what="the review">
        {(found) => <Parts key={`${since} ${until} ${tag}`} review={found} tag={tag} />}
      </Loaded>
    </Page>
  );
};

const PERIODS: Readonly<Record<string, string>> = {
  today: "today",
  yesterday: "yesterday",
  "1d": "24 hours ago",
  friday: "Friday",
  monday: "Monday",
  "1w": "7 days ago",
  "4w": "28 days ago",
};

type MomentFieldProps = { readonly label: string; readonly value: string; readonly onChange: (text: string) => void };

/** A time in words. It applies with Enter and when the field loses the focus; what can't be read is not applied. */
const MomentField = ({ label, value, onChange }: MomentFieldProps) => {
  const id = useId();
  const apply = (field: HTMLInputElement): void => {
    const text = field.value.trim();
    const isReadable = text === "" || parseMoment(text, { now: Date.now(), zone: "UTC" }) !== null;
    field.setCustomValidity(isReadable ? "" : `Expected ${MOMENT_FORM}`);
    if (field.reportValidity() && text !== value) onChange(text);
  };
  return (
    <span className="choice">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="search"
        placeholder={label === "Until" ? "now" : "3d, friday 18:00"}
        title={`For example ${MOMENT_FORM}`}
        autoComplete="off"
        spellCheck={false}
        maxLength={64}
        defaultValue={value}
        onInput={({ currentTarget }) => currentTarget.setCustomValidity("")}
        onBlur={({ currentTarget }) => apply(currentTarget)}
        onKeyDown={({ key, currentTarget }) => key === "Enter" && apply(currentTarget)}
      />
    </span>
  );
};

type LeadProps = { readonly review: ReviewData; readonly tag: string; readonly isOpen: boolean };

/** The period with its dates, because a printed page does not say when it was printed. */
const Lead = ({ review: { from, to, runs, deleted, timezone }, tag, isOpen }: LeadProps) => (
  <>
    {dateTimeText(from)} to {isOpen ? `now, ${dateTimeText(to)}` : dateTimeText(to)}
    {tag !== "" && `, jobs with the tag ${tag}`}. Runs: {runCountsText(runs)}.
    {zonedText(from, timezone) !== null && ` Days are those of ${timezone}.`}
    {deleted !== null && (
      <strong className="review-deleted">{deletedRunsText(deleted.jobs, dateTimeText(deleted.until))}</strong>
    )}
  </>
);

/** Returns the days of a period, which is not empty. They are those of the review, so that Friday is Friday. */
const daysText = ({ from, to, timezone }: ReviewData): string => dateRangeText(from, to - 1, timezone);

type PartsProps = { readonly review: ReviewData; readonly tag: string };

const Parts = ({ review, tag }: PartsProps) => (
  <div className="review-parts">
    <Part name="broken" of={(each) => each.broken} review={review} tag={tag}>
      {(job) => <FailedJob key={job.job_id} job={job} />}
    </Part>
    <Part name="stale" of={(each) => each.stale} review={review} tag={tag}>
      {({ since, ...job }) => (
        <Item key={job.job_id} job={job}>
          stale {staleSinceText({ ...job, stale_since: since }, (at) => timeText(at, petitNow()))}
        </Item>
      )}
    </Part>
    <Part name="recovered" of={(each) => each.recovered} review={review} tag={tag}>
      {(job) => <FailedJob key={job.job_id} job={job} />}
    </Part>
    <Part name="unfired" of={(each) => each.unfired} review={review} tag={tag}>
      {({ outcome, reason, count, last_at, ...job }) => (
        <Item key={`${job.job_id} ${reason}`} job={job}>
          {outcome} {timesText(count)}
          {count > 1 ? ", last" : ""} at <Time at={last_at} />
          <small>{OCCURRENCE_REASON_TEXT[reason]}</small>
        </Item>
      )}
    </Part>
    <Part name="slower" of={(each) => each.slower} review={review} tag={tag}>
      {(slower) => <Slower key={slower.job_id} slower={slower} />}
    </Part>
    <Part name="people" of={(each) => each.people} review={review} tag={tag}>
      {(action) => (
        <li key={`${action.actor} ${action.action} ${action.job_id}`}>
          <strong>{actorText(action.actor)}</strong> {PERSON_ACTION_VERBS[action.action]}{" "}
          {action.job_id === null ? (
            "all schedules"
          ) : (
            <Link href={`/jobs/${action.job_id}`} title={action.job_id}>
              {action.job_name}
            </Link>
          )}
          {action.count > 1 && ` ${timesText(action.count)}, last`} at <Time at={action.last_at} />
        </li>
      )}
    </Part>
    <Part name="due" of={(each) => each.due} review={review} tag={tag}>
      {({ next_at, count, ...job }) => (
        <Item key={job.job_id} job={job}>
          <Time at={next_at} />
          {count > 1 && `, ${dueCountText(count)}`}
        </Item>
      )}
    </Part>
    <Part name="flaky" of={(each) => each.flaky} review={review} tag={tag}>
      {({ task_id, runs, last_run_id, last_at, ...job }) => (
        <Item key={`${job.job_id} ${task_id}`} job={job}>
          {task_id}: in {counted(runs, "run")}, the last <RunLink id={last_run_id} at={last_at} />
        </Item>
      )}
    </Part>
    <Part name="waits" of={(each) => each.waits} review={review} tag={tag}>
      {({ run_id, since, waited_ms, queue, waiting, ...job }) => (
        <Item key={run_id} job={job}>
          {waiting ? "has waited" : "waited"} {durationText(waited_ms)} since <RunLink id={run_id} at={since} />
          {queue !== null && `, queue ${queue}`}
        </Item>
      )}
    </Part>
  </div>
);

type PartProps<Item> = PartsProps & {
  readonly name: ReviewPartName;
  readonly of: (review: ReviewData) => { readonly items: readonly Item[]; readonly left_out: number };
  readonly children: (item: Item) => ReactNode;
};

/** A heading with the number of items, and the list or what its absence means. More items are loaded on request. */
const Part = <Item,>({ name, of, review, tag, children }: PartProps<Item>) => {
  const id = useId();
  const [isMore, setMore] = useState(false);
  const first = of(review);
  const { from, to } = review;
  const rest = useInfiniteQuery({
    ...reviewRestQuery({ from, to, ...(tag !== "" && { tag }), offset: first.items.length }),
    enabled: isMore,
    placeholderData: keepPreviousData,
  });
  const pages = isMore ? (rest.data?.pages ?? []).map(of) : [];
  const items = [first, ...pages].flatMap((page) => page.items);
  const { left_out } = pages.at(-1) ?? first;
  const count = items.length + left_out;
  const showMore = (): void => {
    if (pages.length === 0) setMore(true);
    else void rest.fetchNextPage();
  };
  return (
    <section className="card review-part" data-part={name} aria-labelledby={id}>
      <h2 id={id}>
        {REVIEW_TITLES[name]} {count > 0 && <span className="review-count">{count.toLocaleString()}</span>}
      </h2>
      {items.length === 0 ? <p className="muted">{REVIEW_NOTHING[name]}</p> : <ul>{items.map(children)}</ul>}
      {left_out > 0 && (
        <p className="muted">
          and {left_out.toLocaleString()} more{" "}
          <button type="button" className="link review-controls" disabled={rest.isFetching} onClick={showMore}>
            Show more
          </button>
        </p>
      )}
      {rest.error !== null && <p role="alert">{failureText(rest.error)}</p>}
    </section>
  );
};

type ItemProps = {
  readonly job: { readonly job_id: string; readonly job_name: string };
  readonly children: ReactNode;
};

const Item = ({ job: { job_id, job_name }, children }: ItemProps) => (
  <li>
    <Link href={`/jobs/${job_id}`} title={job_name === job_id ? undefined : job_id} data-row>
      {job_name}
    </Link>{" "}
    {children}
  </li>
);

/** A run by the end of its id, which commands take, too, and a time. */
const RunLink = ({ id, at }: { readonly id: string; readonly at: number }) => (
  <>
    <Link href={`/runs/${id}`} className="mono">
      {id.slice(-8)}
    </Link>{" "}
    at <Time at={at} isFocusable={false} />
  </>
);

const FailedJob = ({ job }: { readonly job: ReviewData["broken"]["items"][number] }) => {
  const { text, since } = failuresWords(job);
  return (
    <Item job={job}>
      {text}
      {since !== null && (
        <>
          {" "}
          <Time at={since} />
        </>
      )}
      {(job.failures > 1 || since !== null) && ", the last"} <RunLink id={job.last_run_id} at={job.last_at} />
      {job.children.map((child) => (
        <Fragment key={child.job_id}>
          {"; "}
          {childFailuresText(child)} <Link href={`/runs/${child.last_run_id}`}>{child.job_name}</Link>
        </Fragment>
      ))}
      {job.recovery !== null && (
        <span className="review-recovery">
          recovered by <RunLink id={job.recovery.run_id} at={job.recovery.at} />
          {otherParamsText(job.recovery)}
        </span>
      )}
      {job.gone && "; the job was removed"}
      {job.cause !== null && (
        <code className="review-cause">
          {job.task_id !== null && `${job.task_id}: `}
          {job.cause}
        </code>
      )}
    </Item>
  );
};

const Slower = ({ slower: { change, days, ...job } }: { readonly slower: ReviewData["slower"]["items"][number] }) => (
  <Item job={job}>
    <strong>{changeText(change)}</strong>: median {durationText(change.recent_ms)} of{" "}
    {counted(change.recent_runs, "run")}, before {durationText(change.before_ms)} of {change.before_runs}
    <Days days={days} />
  </Item>
);

type DaysProps = { readonly days: ReviewData["slower"]["items"][number]["days"] };

/** The median and the 95th percentile of each day, as bars and in words. */
const Days = ({ days }: DaysProps) => {
  const longest = Math.max(1, ...days.map(({ p95_ms }) => p95_ms ?? 0));
  const last = days.at(-1);
  return (
    <span className="review-days">
      <svg width={days.length * 8} height={28} aria-hidden="true">
        {days.map(({ date, p50_ms, p95_ms }, index) => (
          <g key={date}>
            <rect className="review-p95" x={index * 8} width={6} {...barOf(p95_ms, longest)} />
            <rect className="review-p50" x={index * 8} width={6} {...barOf(p50_ms, longest)} />
          </g>
        ))}
      </svg>
      {last !== undefined && last.p50_ms !== null && last.p95_ms !== null && (
        <small>
          {last.date}: median {durationText(last.p50_ms)}, p95 {durationText(last.p95_ms)}
        </small>
      )}
    </span>
  );
};

const barOf = (ms: number | null, longest: number) => {
  const height = ms === null ? 0 : Math.max(1, (ms / longest) * 28);
  return { y: 28 - height, height };
};
