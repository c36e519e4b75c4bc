import { Link, useRoute } from "wouter";
import { useHasWorkers } from "../data/selected.ts";
import { Button } from "../ui/button.tsx";
import { ConnectionPill, HealthPill, PersonButton, SchedulerPill } from "./pills.tsx";
import { SearchBox } from "./search/search-box.tsx";
import { preload } from "./views.ts";

const SECTIONS = [
  { href: "/", name: "Now", pattern: "/" },
  { href: "/jobs", name: "Jobs", pattern: "/jobs/*?" },
  { href: "/runs", name: "Runs", pattern: "/runs/*?" },
  { href: "/review", name: "Review", pattern: "/review" },
  { href: "/workers", name: "Workers", pattern: "/workers" },
  { href: "/system", name: "System", pattern: "/system/*?" },
] as const;

export const Header = ({ onHelp }: { readonly onHelp: () => void }) => (
  <header className="shell-head">
    <Link href="/" className="shell-name" aria-label="petit, now">
      petit
    </Link>
    <nav aria-label="Main">
      <ul className="shell-nav">
        {SECTIONS.map((place) => (
          <Section key={place.href} place={place} />
        ))}
      </ul>
    </nav>
    <SearchBox />
    <div className="shell-state">
      <HealthPill />
      <SchedulerPill />
      <ConnectionPill />
      <PersonButton />
      <Button kind="quiet" aria-label="Keyboard shortcuts" className="shell-help" onClick={onHelp}>
        ?
      </Button>
    </div>
  </header>
);

type Place = (typeof SECTIONS)[number];

/** The link to a view. The link to the workers is shown only if petit runs with workers or knows some. */
const Section = ({ place }: { readonly place: Place }) => {
  const hasWorkers = useHasWorkers();
  const [isHere] = useRoute(place.pattern);
  if (place.href === "/workers" && !hasWorkers && !isHere) return null;
  return (
    <li>
      <SectionLink {...place} />
    </li>
  );
};

const SectionLink = ({ href, name, pattern }: Place) => {
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
