import { useState } from "react";
import { Choice } from "../ui/choice.tsx";
import { setTheme, setZone, storedTheme, storedZone, THEMES, ZONES } from "../ui/display.ts";

const THEME_LABELS = { system: "as the system", light: "light", dark: "dark" } as const;
const ZONE_LABELS = { local: "of this browser", utc: "UTC" } as const;

/** Sets the theme and the time zone of the page, for this browser. */
export const Display = () => {
  const [theme, setShown] = useState(storedTheme);
  const change = (value: string): void => {
    const chosen = THEMES.find((each) => each === value) ?? "system";
    setShown(chosen);
    setTheme(chosen);
  };
  return (
    <section className="card" aria-labelledby="display">
      <h2 id="display">This browser</h2>
      <Choice label="Theme" options={THEME_LABELS} value={theme} onChange={change} />
      <Choice
        label="Times"
        options={ZONE_LABELS}
        value={storedZone()}
        onChange={(value) => setZone(ZONES.find((each) => each === value) ?? "local")}
      />
    </section>
  );
};
