import { Link } from "wouter";
import { useMay } from "../data/selected.ts";

const PAGES = [
  { href: "/system/tokens", name: "Tokens", what: "who may use petit, and what for" },
  { href: "/system/audit", name: "Audit log", what: "who changed what, and what was denied" },
] as const;

/** Leads admins to the pages about people. */
export const People = () =>
  useMay("admin") && (
    <section className="system-part">
      <h2>People</h2>
      <dl className="facts">
        {PAGES.map(({ href, name, what }) => (
          <div key={href} className="system-place">
            <dt>
              <Link href={href}>{name}</Link>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
