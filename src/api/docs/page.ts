import { createHash } from "node:crypto";
import { html, Markup, prose } from "./html.ts";
import type { ApiDocument } from "./openapi-types.ts";
import { type DocContext, type DocEndpoint, renderOperation } from "./operation.ts";
import STYLE from "./page.css" with { type: "text" };
import { renderSchema } from "./schema.ts";

/** Headers of the page. Their policy allows the style sheet of the page and nothing else. */
export const DOCS_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy": [
    "default-src 'none'",
    `style-src 'sha256-${createHash("sha256").update(STYLE).digest("base64")}'`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; "),
  "referrer-policy": "no-referrer",
} as const;

/** Renders the reference page of the API, without scripts or external resources. */
export const renderDocsPage = (context: DocContext): string => {
  const { document } = context;
  const { info, tags, components } = document;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${info.title} API ${info.version}</title>
<style>${style}</style>
</head>
<body>
<nav aria-label="Contents">
<p class="title"><a href="/">${info.title}</a> <small>${info.version}</small></p>
<p><a href="/">Back to the dashboard</a></p>
${tags.map(({ name }) => tagLinks(name, document))}
<h2><a href="#schemas">schemas</a></h2>
</nav>
<main id="top">
<h1>The HTTP API of ${info.title}</h1>
<p class="lead">${prose(info.summary)}. ${prose(info.description)}</p>
<p>This page is generated from <a href="/api/openapi.json"><code>/api/openapi.json</code></a>, which is generated from the schemas that validate requests and answers.</p>
${tags.map((tag) => tagSection(tag, context))}
<h2 id="schemas">Schemas</h2>
${Object.entries(components.schemas).map(([name, schema]) => renderSchema(name, schema))}
</main>
</body>
</html>
`.text;
};

/** The style sheet unchanged: the policy has its hash. */
const style: Markup = new Markup(STYLE);

const endpointsOf = (tag: string, { paths }: ApiDocument): readonly DocEndpoint[] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => operation.tags.includes(tag))
      .map(([method, operation]) => ({ method, path, operation })),
  );

const tagLinks = (tag: string, document: ApiDocument): Markup => html`
<h2><a href="#tag-${tag}">${tag}</a></h2>
<ul>${endpointsOf(tag, document).map(
  ({ method, path, operation }) => html`
<li><a href="#${operation.operationId}"><span class="method ${method}">${method.toUpperCase()}</span> ${path.replace("/api", "")}</a></li>`,
)}
</ul>`;

const tagSection = (tag: ApiDocument["tags"][number], context: DocContext): Markup => html`
<h2 id="tag-${tag.name}">${tag.name}</h2>
<p>${prose(tag.description)}.</p>
${endpointsOf(tag.name, context.document).map((place) => renderOperation(place, context))}`;
