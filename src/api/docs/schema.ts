import { html, type Markup, NOTHING, prose } from "./html.ts";
import { type DocSchema, nameOf } from "./openapi-types.ts";

/** Renders the type of a schema in a few words; a named schema becomes a link. */
export const renderType = (schema: DocSchema): Markup => {
  if (schema.$ref !== undefined) return schemaLink(nameOf(schema.$ref));
  if (schema.anyOf !== undefined) return join(schema.anyOf.map(renderType), " or ");
  if (schema.enum !== undefined) return join(schema.enum.map(literal), " · ");
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.type === "array") return html`list of ${renderType(schema.items ?? {})}`;
  if (typeof schema.additionalProperties === "object") return html`map to ${renderType(schema.additionalProperties)}`;
  return html`${schema.type ?? "anything"}${bounds(schema)}`;
};

const schemaLink = (name: string): Markup => html`<a href="#schema-${name}">${name}</a>`;

const literal = (value: unknown): Markup => html`<code>${String(value)}</code>`;

const join = (parts: readonly Markup[], between: string): Markup =>
  html`${parts.map((part, index) => html`${index === 0 ? "" : between}${part}`)}`;

const bounds = ({ minimum, maximum }: DocSchema): string => {
  if (minimum === undefined) return maximum === undefined ? "" : `, at most ${maximum}`;
  if (maximum === undefined) return `, at least ${minimum}`;
  return maximum === Number.MAX_SAFE_INTEGER ? `, at least ${minimum}` : `, ${minimum} to ${maximum}`;
};

/** Renders a named schema. */
export const renderSchema = (name: string, schema: DocSchema): Markup => html`
<section class="schema" id="schema-${name}">
<h3>${name}</h3>
${schema.description === undefined ? NOTHING : html`<p>${prose(schema.description)}</p>`}
${fieldTable(schema)}
${exampleOf(schema)}
</section>`;

const fieldTable = ({ properties = {}, required = [] }: DocSchema): Markup => {
  const fields = Object.entries(properties);
  if (fields.length === 0) return NOTHING;
  return html`<table><thead><tr><th>Field</th><th>Type</th><th>Description</th></tr></thead><tbody>${fields.map(
    ([name, field]) => html`
<tr><td><code>${name}</code>${required.includes(name) ? "" : " (optional)"}</td><td>${renderType(field)}</td><td>${renderDescription(field)}</td></tr>`,
  )}
</tbody></table>`;
};

/** Renders the description and the default of a field or a parameter. */
export const renderDescription = ({ description = "", default: given }: DocSchema): Markup =>
  html`${prose(description)}${given === undefined ? NOTHING : html` <span class="default">default ${literal(given)}</span>`}`;

export const exampleOf = ({ examples = [] }: DocSchema): Markup =>
  html`${examples.slice(0, 1).map((example) => codeBlock(JSON.stringify(example, null, 2)))}`;

export const codeBlock = (text: string): Markup => html`<pre tabindex="0"><code>${text}</code></pre>`;
