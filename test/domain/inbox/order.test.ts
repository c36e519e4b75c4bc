import { describe, expect, test } from "bun:test";
import { byUrgency, foldEntries, type Rank, URGENCIES } from "../../../src/domain/inbox/order.ts";

type Named = Rank & { readonly name: string };

const entry = (name: string, rank: Partial<Rank> = {}): Named => ({
  name,
  isHandled: false,
  urgency: "problem",
  severity: "error",
  priority: 0,
  streak: 1,
  since: 1_000,
  ...rank,
});

const sorted = (entries: readonly Named[]): readonly string[] => entries.toSorted(byUrgency).map(({ name }) => name);

describe("the order of what needs attention", () => {
  test("has decisions first, then critical jobs, errors, priorities, streaks, and the newest", () => {
    const expected = [
      entry("old approval", { urgency: "decision", severity: "warning", since: 1 }),
      entry("new approval", { urgency: "decision", severity: "warning", since: 2 }),
      entry("critical error", { urgency: "critical" }),
      entry("critical warning", { urgency: "critical", severity: "warning" }),
      entry("important", { priority: 10 }),
      entry("long streak", { streak: 20 }),
      entry("newest", { since: 2_000 }),
      entry("oldest", { since: 10 }),
      entry("unimportant", { priority: -1, streak: 99 }),
      entry("warning", { severity: "warning", priority: 100 }),
      entry("deliberate", { urgency: "low", severity: "warning" }),
      entry("acknowledged", { urgency: "critical", isHandled: true }),
    ];
    expect(sorted(expected.toReversed())).toEqual(expected.map(({ name }) => name));
  });
});

describe("a folded list", () => {
  const list = URGENCIES.flatMap((urgency) => [1, 2, 3].map((each) => ({ urgency, name: `${urgency} ${each}` })));

  test("shows what needs a decision or is critical, whatever the limit", () => {
    const { shown, more } = foldEntries(list, 2);
    expect(shown).toEqual(list.slice(0, 6));
    expect(more).toEqual(list.slice(6));
  });

  test("ends with what is acknowledged or snoozed", () => {
    const acknowledged = { urgency: "critical", name: "known", acknowledged: { by: "mara" } } as const;
    const { shown, more, handled } = foldEntries([...list, acknowledged], 99);
    expect([shown.length, more.length, handled]).toEqual([list.length, 0, [acknowledged]]);
  });

  test("shows as much as the limit allows, also of an older petit that does not say what is urgent", () => {
    expect(foldEntries(list, 8).more).toEqual(list.slice(8));
    const old = [{ name: "a" }, { name: "b" }, { name: "c" }].map((each) => ({ ...each, urgency: undefined }));
    expect(foldEntries(old, 2).shown).toHaveLength(2);
  });
});
