import { Link } from "wouter";
import { runPath, shortRunId } from "../../domain/words/run-path.ts";
import { escapeUnprintable } from "../../lib/text.ts";
import { petitNow } from "../data/petit-time.ts";
import { timeText } from "../ui/text/format.ts";
import type { FoundRow } from "./search-data.ts";

/** Shows found lines under the run and the task that printed them. */
export const FoundLines = ({ lines }: { readonly lines: readonly FoundRow[] }) => (
  <div className="found">
    {groupsOf(lines).map(([key, first, all]) => (
      <section key={key} aria-label={`${first.job_id}, ${first.task_id}`}>
        <h2>
          <Link href={runPath(first.run_id, { taskId: first.task_id, item: first.item ?? null })}>
            {first.job_id} · {first.task_id}
            {first.item !== undefined && ` [${first.item_key ?? first.item}]`}
          </Link>{" "}
          <small className="muted">
            run {shortRunId(first.run_id)}
            {first.attempt > 1 && `, attempt ${first.attempt}`} · {timeText(first.at, petitNow())}
          </small>
        </h2>
        <ol>
          {all.map((line) => (
            <li key={line.seq} data-found={line.seq}>
              {line.before.map((each) => (
                <Context key={each.seq} {...each} />
              ))}
              <Link href={line.path} data-row className={`found-line found-${line.stream}`}>
                <span className="found-number">{line.seq}</span>
                <code>
                  {escapeUnprintable(line.text.slice(0, line.start))}
                  <mark>{escapeUnprintable(line.text.slice(line.start, line.end))}</mark>
                  {escapeUnprintable(line.text.slice(line.end))}
                </code>
              </Link>
              {line.after.map((each) => (
                <Context key={each.seq} {...each} />
              ))}
            </li>
          ))}
        </ol>
      </section>
    ))}
  </div>
);

const Context = ({ seq, text }: { readonly seq: number; readonly text: string }) => (
  <div className="found-line muted">
    <span className="found-number">{seq}</span>
    <code>{escapeUnprintable(text)}</code>
  </div>
);

type Group = readonly [key: string, first: FoundRow, lines: readonly FoundRow[]];

/** Divides lines by the attempt that printed them. */
const groupsOf = (lines: readonly FoundRow[]): readonly Group[] =>
  [...Map.groupBy(lines, (line) => `${line.run_id} ${line.task_id} ${line.item ?? ""} ${line.attempt}`)].flatMap(
    ([key, all]): readonly Group[] => (all[0] === undefined ? [] : [[key, all[0], all]]),
  );
