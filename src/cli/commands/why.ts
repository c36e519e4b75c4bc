import { defaultZone } from "../../app/settings/settings.ts";
import { defineCommand } from "../command.ts";
import { EXIT } from "../exit.ts";
import { fold } from "../terminal/columns.ts";
import { paint, type Screen } from "../terminal/terminal.ts";
import { oneLine } from "../terminal/text-width.ts";
import { shutNow } from "../why/gate.ts";
import { gather, type Material } from "../why/material.ts";
import { obstacles } from "../why/obstacle.ts";
import { explain } from "../why/occurrence.ts";
import { lastText, nextText, pastTexts, type When } from "../why/words.ts";

const PAST = 20;
const COMING = 3;

/** Lines of what became of the latest occurrences. */
const PAST_LINES = 8;

export const why = defineCommand({
  name: "why",
  summary: "Why a job ran, why it didn't, and when it will",
  description:
    "Tells of a job of the running petit, in words: why it ran last and what came of that, when it runs next, what stands " +
    "in its way now, and what became of its latest occurrences. With --json: all that as one object.",
  args: { JOB: { type: "positional", required: true, description: "Id of the job." } },
  settings: ["timezone"],
  examples: ["petit why hello_world", "petit why data_pipeline --json"],
  run: async ({ JOB }, context) => {
    const material = await gather(JOB, { past: PAST, coming: COMING }, context);
    const { out } = context.terminal;
    const when = { now: context.clock.now(), zone: material.job.timezone ?? defaultZone(context.settings) };
    out.write(context.json ? asJson(material, when) : asText(material, when, out));
    return EXIT.DONE;
  },
});

const asText = (material: Material, when: When, out: Screen): string => {
  const ways = obstacles(material, when);
  const past = pastTexts(material, when);
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["job", [titleOf(material)]],
    ["ran last", [lastText(material, when)]],
    ["runs next", [nextText(material, when)]],
    ["in its way", ways.length === 0 ? ["nothing"] : ways],
    ["lately", past.length === 0 ? ["no occurrence is in the ledger"] : past.slice(0, PAST_LINES)],
  ];
  return rows.map(([name, lines]) => section(name, lines, out)).join("");
};

const WIDTH = 12;
const INDENT = " ".repeat(WIDTH);

const section = (name: string, lines: readonly string[], out: Screen): string =>
  lines
    .map(
      (line, index) =>
        `${paint(out, "bold", (index === 0 ? name : "").padEnd(WIDTH))}${fold(oneLine(line), INDENT, out)}\n`,
    )
    .join("");

const titleOf = ({ job }: Material): string => {
  const schedule = job.schedule === null ? "no schedule" : job.schedule.join(" and ");
  const zone = job.timezone === null ? "" : ` in ${job.timezone}`;
  return `${job.id}${job.name === job.id ? "" : ` (${job.name})`}: ${schedule}${zone}; ${job.source.file}:${job.source.line}`;
};

const asJson = (material: Material, when: When): string => {
  const { job, lastRun, pending, occurrences, coming, gates, state, health } = material;
  const told = {
    job,
    last_run: lastRun === null ? null : { ...lastRun, explanation: lastText(material, when) },
    next: { at: coming[0] ?? null, coming, explanation: nextText(material, when) },
    in_its_way: obstacles(material, when),
    occurrences: occurrences.map((each) => ({ ...each, explanation: explain(each, material) })),
    gates: gates.map((each) => ({ ...each.gate, shut: shutNow(each, when.now), last_run: each.runs?.[0] ?? null })),
    pending,
    scheduler: state,
    health:
      health.kind === "petit" ? { status: health.status, version: health.version, reasons: health.reasons } : null,
  };
  return `${JSON.stringify(told, null, 2)}\n`;
};
