import { Link, useRoute } from "wouter";
import { Button } from "../ui/button.tsx";
import { ConnectionPill } from "./connection-pill.tsx";
import { HealthPill } from "./health-pill.tsx";
import { SchedulerPill } from "./scheduler-pill.tsx";
import { SearchBox } from "./search-box.tsx";
import { preload } from "./views.ts";

const PLACES = [
  { href: "/", name: "Now", pattern: "/" },
  { href: "/jobs", name: "Jobs", pattern: "/jobs/*?" },
  { href: "/runs", name: "Runs", pattern: "/runs/*?" },
  { href: "/system", name: "System", pattern: "/system" },
] as const;

export const Header = ({ onHelp }: { readonly onHelp: () => void }) => (
  <header className="shell-head">
    <Link href="/" className="shell-name" aria-label="petit, now">
      petit
    </Link>
    <nav aria-label="Main">
      <ul className="shell-nav">
        {PLACES.map((place) => (
          <li key={place.href}>
            <Place {...place} />
          </li>
        ))}
      </ul>
    </nav>
    <SearchBox />
    <div className="shell-state">
      <HealthPill />
      <SchedulerPill />
      <ConnectionPill />
      <Button kind="quiet" aria-label="Keyboard help" className="shell-help" onClick={onHelp}>
        ?
      </Button>
    </div>
  </header>
);

const Place = ({ href, name, pattern }: (typeof PLACES)[number]) => {
  const [isHere] = useRoute(pattern);
  return (
    <Link
      href={href}
      aria-current={isHere ? "page" : undefined}
      onPointerEnter={() => preload(href)}
      onFocus={() => preload(href)}
    >
      {name}
    </Link>
  );
};
