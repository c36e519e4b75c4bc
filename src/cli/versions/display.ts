import type { VersionDetail, VersionList } from "../../api/shapes/definition/version.ts";
import { defaultZone } from "../../app/settings/settings.ts";
import {
  causeText,
  differsHiddenText,
  fieldText,
  noTextDiffText,
  sameText,
  shortDigest,
} from "../../domain/words/versions/version.ts";
import { assertNever } from "../../lib/never.ts";
import type { Context } from "../command.ts";
import { fold } from "../terminal/columns.ts";
import { readableLocal, shortLocal } from "../terminal/local-time.ts";
import { type Column, columnTable } from "../terminal/table.ts";
import { paint, type Screen, type Style } from "../terminal/terminal.ts";
import { oneLine } from "../terminal/text-width.ts";

type Version = (typeof VersionList.static)["versions"][number];
type Use = Version["uses"][number];
type Detail = typeof VersionDetail.static;
type Change = Detail["changes"][number];

/** Returns a table of the times at which versions were in use, the newest first, and of the versions that never were. */
export const historyTable = (versions: readonly Version[], { terminal: { out }, settings, clock }: Context): string => {
  const rows = rowsOf(versions);
  const zone = defaultZone(settings);
  const now = clock.now();
  const timeText = (at: number | null): string => {
    if (at === null) return "-";
    return out.isTerminal ? shortLocal(at, { now, zone, home: zone }) : readableLocal(at, zone);
  };
  const columns: readonly Column[] = [
    {
      title: "VERSION",
      cells: rows.map(({ version }) => String(version.version)),
      style: (row) => (isInUse(rows[row]?.use) ? "bold" : null),
    },
    {
      title: "DIGEST",
      cells: rows.map(({ version: { digest } }) => (out.isTerminal ? shortDigest(digest) : digest)),
    },
    { title: "SINCE", cells: rows.map(({ use }) => timeText(use?.since ?? null)) },
    {
      title: "UNTIL",
      cells: rows.map(({ use }) => (isInUse(use) ? "now" : timeText(use?.until ?? null))),
      style: (row) => (isInUse(rows[row]?.use) ? "green" : null),
    },
    { title: "RUNS", cells: rows.map(({ version: { runs } }) => String(runs.count)), drop: 3 },
    { title: "WHY", cells: rows.map(({ use }) => oneLine(readText(use))), shrink: 3, min: 12, drop: 4 },
    { title: "SOURCE", cells: rows.map(({ use }) => oneLine(sourceText(use))), shrink: 2, min: 12, drop: 2 },
    {
      title: "MODIFIED",
      cells: rows.map(({ use }) => timeText(use?.file_modified_at ?? null)),
      drop: 1,
    },
  ];
  return columnTable(columns, out);
};

type Row = { readonly version: Version; readonly use: Use | null };

const rowsOf = (versions: readonly Version[]): readonly Row[] =>
  versions
    .flatMap((version): readonly Row[] =>
      version.uses.length === 0 ? [{ version, use: null }] : version.uses.map((use) => ({ version, use })),
    )
    .toSorted((a, b) => sinceOf(b) - sinceOf(a));

const sinceOf = ({ version, use }: Row): number => use?.since ?? version.changed_at;

const isInUse = (use: Use | null | undefined): boolean => use != null && use.until === null;

const readText = (use: Use | null): string => (use === null ? "-" : (causeText(use) ?? "-"));

const sourceText = (use: Use | null): string => {
  if (use === null) return "-";
  const { commit, file } = use;
  if (commit === null) return file ?? "-";
  return commit.author === null ? commit.id.slice(0, 12) : `${commit.id.slice(0, 12)} ${commit.author}`;
};

/** Returns what differs between two versions: the fields, then the lines of the text. */
export const comparisonLines = (detail: Detail, { terminal: { out } }: Context): string => {
  const { version, digest, before, before_digest, changes, move, diff } = detail;
  const head =
    before === null || before_digest === null
      ? `version ${version} (${shortDigest(digest)})`
      : `version ${before} (${shortDigest(before_digest)}) → version ${version} (${shortDigest(digest)})`;
  const notes = [sameText(detail), noTextDiffText(detail)].filter((each) => each !== null);
  return [
    paint(out, "bold", head),
    ...notes.map((each) => paint(out, "dim", each)),
    ...(move === null ? [] : [move.message]),
    ...changes.flatMap((change) => changeLines(change, out)),
    ...(diff === null ? [] : ["", paint(out, "bold", "text"), ...diff.map((line) => diffLine(line, out))]),
    "",
  ].join("\n");
};

export const changeLines = (change: Change, screen: Screen): readonly string[] => {
  const { path, kind, before, after, diff } = change;
  const shown = oneLine(path);
  switch (kind) {
    case "added":
      return [field("+", `${shown}: ${oneLine(fieldText(after))}`, { screen, style: "green" })];
    case "removed":
      return [field("-", `${shown}: ${oneLine(fieldText(before))}`, { screen, style: "red" })];
    case "changed":
      return diff === null
        ? [field("~", `${shown}: ${changedText(before, after)}`, { screen, style: "yellow" })]
        : [
            field("~", `${shown}:`, { screen, style: "yellow" }),
            ...diff.map((line) => `    ${diffLine(line, screen)}`),
          ];
    default:
      return assertNever(kind);
  }
};

/** A secret that differs is hidden in both. */
const changedText = (before: unknown, after: unknown): string => {
  const [old, current] = [oneLine(fieldText(before)), oneLine(fieldText(after))];
  return old === current ? `${current} (${differsHiddenText})` : `${old} → ${current}`;
};

const field = (sign: string, text: string, { screen, style }: { readonly screen: Screen; readonly style: Style }) =>
  `${paint(screen, style, sign)} ${fold(text, "    ", screen)}`;

const diffLine = (line: string, screen: Screen): string => {
  const text = oneLine(line);
  if (line.startsWith("+")) return paint(screen, "green", text);
  if (line.startsWith("-")) return paint(screen, "red", text);
  return line.startsWith("@@") ? paint(screen, "cyan", text) : text;
};
