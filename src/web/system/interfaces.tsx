import { CopyLine } from "../ui/copy-line.tsx";

const ENDPOINTS = [
  { href: "/api/docs", what: "every route of the HTTP API, with examples" },
  { href: "/api/openapi.json", what: "the same as OpenAPI 3.1, for generators" },
  { href: "/metrics", what: "figures for Prometheus" },
  { href: "/api/health", what: "for a check from outside; needs no token" },
] as const;

/** Where programs look. */
export const Interfaces = ({ needsToken }: { readonly needsToken: boolean }) => (
  <section className="system-part">
    <h2>For programs</h2>
    <dl className="facts">
      {ENDPOINTS.map(({ href, what }) => (
        <div key={href} className="system-place">
          <dt>
            <a href={href} className="mono">
              {href}
            </a>
          </dt>
          <dd>{what}</dd>
        </div>
      ))}
    </dl>
    {needsToken && (
      <>
        <p className="muted">A browser can’t send the token by a link; a program can:</p>
        <CopyLine text={`curl -H "Authorization: Bearer $TOKEN" ${location.origin}/metrics`} />
      </>
    )}
  </section>
);
