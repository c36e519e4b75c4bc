import { CopyLine } from "../ui/copy-line.tsx";

const ENDPOINTS = [
  { href: "/api/docs", what: "reference of the HTTP API, with examples" },
  { href: "/api/openapi.json", what: "OpenAPI 3.1 document of the HTTP API" },
  { href: "/metrics", what: "metrics for Prometheus" },
  { href: "/api/health", what: "health check; requires no token" },
] as const;

/** Lists the endpoints for programs. */
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
        <p className="muted">Programs send the token:</p>
        <CopyLine text={`curl -H "Authorization: Bearer $TOKEN" ${location.origin}/metrics`} />
      </>
    )}
  </section>
);
