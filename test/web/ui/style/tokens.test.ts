import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const CSS = readFileSync(join(import.meta.dirname, "../../../../src/web/ui/style/tokens.css"), "utf8");

/** Returns the colours of a theme by name, such as `completed-ground`, from a part of the stylesheet. */
const theme = (part: string): ReadonlyMap<string, string> =>
  new Map([...part.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = "", colour = ""]) => [name, colour]));

const [light = "", dark = ""] = CSS.split("@media screen and (prefers-color-scheme: dark)");
const THEMES = [
  ["light", theme(light)],
  ["dark", theme(dark)],
] as const;

const STATUSES = ["completed", "failed", "running", "pending", "cancelled", "interrupted", "skipped", "missed", "due"];

const PAIRS = [
  ...["ground", "surface", "sunken"].flatMap((ground) => ["text", "muted", "accent"].map((text) => [text, ground])),
  ...STATUSES.flatMap((status) => [`${status}-ground`, "surface", "ground"].map((ground) => [status, ground])),
  ["on-accent", "accent"],
  ["accent", "accent-ground"],
  ["text", "accent-ground"],
  ["muted", "accent-ground"],
];

type Colour = readonly [red: number, green: number, blue: number];

const linear = (hex: string): Colour => {
  const part = (at: number): number => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [part(1), part(3), part(5)];
};

/** Relative luminance and contrast ratio of WCAG 2.2. */
const luminance = ([red, green, blue]: Colour): number => 0.2126 * red + 0.7152 * green + 0.0722 * blue;
const contrast = (a: string, b: string): number => {
  const [lower = 0, higher = 0] = [luminance(linear(a)), luminance(linear(b))].sort((x, y) => x - y);
  return (higher + 0.05) / (lower + 0.05);
};

/** Simulates colour blindness in linear RGB: Machado, Oliveira and Fernandes 2009, severity 1. */
const DEFICIENCIES = {
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
} as const;

const simulated = ([red, green, blue]: Colour, deficiency: keyof typeof DEFICIENCIES): Colour => {
  const [r, g, b] = DEFICIENCIES[deficiency].map(([x, y, z]) => x * red + y * green + z * blue);
  return [r ?? 0, g ?? 0, b ?? 0];
};

/** OKLab colour difference; 0.02 is just noticeable side by side. */
const lab = ([red, green, blue]: Colour): Colour => {
  const l = Math.cbrt(Math.max(0, 0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue));
  const m = Math.cbrt(Math.max(0, 0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue));
  const s = Math.cbrt(Math.max(0, 0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue));
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
};

const difference = (a: string, b: string, deficiency: keyof typeof DEFICIENCIES): number => {
  const [x, y] = [lab(simulated(linear(a), deficiency)), lab(simulated(linear(b), deficiency))];
  return Math.hypot(...x.map((value, index) => value - (y[index] ?? 0)));
};

describe.each(THEMES)("the %s theme", (_name, colours) => {
  const colour = (name = ""): string => colours.get(name) ?? `no colour ${name}`;

  test("has a contrast of text of at least 4.5 : 1", () => {
    const low = PAIRS.map(([text, ground]) => ({ text, ground, ratio: contrast(colour(text), colour(ground)) }));
    expect(low.filter(({ ratio }) => !(ratio >= 4.5))).toEqual([]);
  });

  test("has failures that are at least as dark as successes, without colour", () => {
    const lightness = (name: string): number => luminance(linear(colour(name)));
    for (const failure of ["failed", "interrupted"]) {
      expect([failure, lightness(failure) <= lightness("completed")]).toEqual([failure, true]);
      const ground = `${failure}-ground`;
      expect([ground, lightness(ground) <= lightness("completed-ground")]).toEqual([ground, true]);
    }
  });

  test("has a contrast of the borders of controls of at least 3 : 1", () => {
    expect(contrast(colour("line-strong"), colour("surface"))).toBeGreaterThanOrEqual(3);
  });

  test.each(["protanopia", "deuteranopia"] as const)(
    "has distinguishable colours of statuses with %s",
    (deficiency) => {
      const statuses = ["completed", "failed", "running", "interrupted"];
      const pairs = statuses.flatMap((a, index) => statuses.slice(index + 1).map((b) => [a, b]));
      const near = pairs.map(([a, b]) => ({ a, b, apart: difference(colour(a), colour(b), deficiency) }));
      expect(near.filter(({ apart }) => !(apart >= 0.07))).toEqual([]);
    },
  );
});
