import { readStored, writeStored } from "../data/stored-preference.ts";

// How this browser shows the page: stored in it, and the same in all of its tabs from their next load on.

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

export const ZONES = ["local", "utc"] as const;
export type Zone = (typeof ZONES)[number];

const [THEME_KEY, ZONE_KEY] = ["petit-theme", "petit-zone"] as const;

export const storedTheme = (): Theme => THEMES.find((theme) => theme === readStored("local", THEME_KEY)) ?? "system";
export const storedZone = (): Zone => (readStored("local", ZONE_KEY) === "utc" ? "utc" : "local");

/** Applies and stores a theme. */
export const setTheme = (theme: Theme): void => {
  writeStored("local", THEME_KEY, theme);
  applyTheme(theme);
};

/** Stores the zone of all times, and loads the page again, because each part of it shows times. */
export const setZone = (zone: Zone): void => {
  writeStored("local", ZONE_KEY, zone);
  location.reload();
};

const DARK = "(prefers-color-scheme: dark)";
/** On paper, every view is light. */
const MEDIA = { system: `screen and ${DARK}`, light: "not all", dark: "screen" } as const satisfies Record<
  Theme,
  string
>;

/** The rules of the stylesheets for the dark theme. Their condition changes, so they are found by it only once. */
let darkRules: readonly CSSMediaRule[] | null = null;

/** Makes the rules for the dark theme apply always, never, or as the system asks. */
export const applyTheme = (theme: Theme): void => {
  darkRules ??= [...document.styleSheets]
    .flatMap(({ cssRules }) => [...cssRules])
    .filter((rule): rule is CSSMediaRule => rule instanceof CSSMediaRule && rule.media.mediaText.includes(DARK));
  for (const { media } of darkRules) media.mediaText = MEDIA[theme];
  document.documentElement.style.colorScheme = theme === "system" ? "" : theme;
};

/** The zone of all times: undefined is that of the browser. */
export const PAGE_ZONE = storedZone() === "utc" ? "UTC" : undefined;

/** Returns the name of the zone of all times. */
export const pageZoneName = (): string => PAGE_ZONE ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Returns the offset of the page's zone from UTC at an instant, in ms. */
export const offsetMs = (at: number): number =>
  PAGE_ZONE === undefined ? -new Date(at).getTimezoneOffset() * 60_000 : 0;
