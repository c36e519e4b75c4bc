import { type DocSchema, nameOf } from "./document.ts";
import { html, type Markup, NOTHING, prose } from "./html.ts";

/** What a schema allows, in a few words; a schema with a name is linked. */
export const typeOf = (schema: DocSchema): Markup => {
  if (schema.$ref !== undefined) return schemaLink(nameOf(schema.$ref));
  if (schema.anyOf !== undefined) return joined(schema.anyOf.map(typeOf), " or ");
  if (schema.enum !== undefined) return joined(schema.enum.map(literal), " · ");
  if (schema.const !== undefined) return literal(schema.const);
  if (schema.type === "array") return html`list of ${typeOf(schema.items ?? {})}`;
  if (typeof schema.additionalProperties === "object") return html`map to ${typeOf(schema.additionalProperties)}`;
  return html`${schema.type ?? "anything"}${bounds(schema)}`;
};

export const schemaLink = (name: string): Markup => html`<a href="#schema-${name}">${name}</a>`;

const literal = (value: unknown): Markup => html`<code>${String(value)}</code>`;

const joined = (parts: readonly Markup[], between: string): Markup =>
  html`${parts.map((part, index) => html`${index === 0 ? "" : between}${part}`)}`;

const bounds = ({ minimum, maximum }: DocSchema): string => {
  if (minimum === undefined) return maximum === undefined ? "" : `, at most ${maximum}`;
  if (maximum === undefined) return `, at least ${minimum}`;
  return maximum === Number.MAX_SAFE_INTEGER ? `, at least ${minimum}` : `, ${minimum} to ${maximum}`;
};

/** A schema with a name, for others to be linked to. */
export const schemaSection = (name: string, schema: DocSchema): Markup => html`
<section class="schema" id="schema-${name}">
<h3>${name}</h3>
${schema.description === undefined ? NOTHING : html`<p>${prose(schema.description)}</p>`}
${fieldTable(schema)}
${exampleOf(schema)}
</section>`;

const fieldTable = ({ properties = {}, required = [] }: DocSchema): Markup => {
  const fields = Object.entries(properties);
  if (fields.length === 0) return NOTHING;
  return html`<table><thead><tr><th>Field</th><th>Type</th><th>What it is</th></tr></thead><tbody>${fields.map(
    ([name, field]) => html`
<tr><td><code>${name}</code>${required.includes(name) ? "" : " (may be missing)"}</td><td>${typeOf(field)}</td><td>${describe(field)}</td></tr>`,
  )}
</tbody></table>`;
};

/** The words on a field or a parameter. */
export const describe = ({ description = "", default: given }: DocSchema): Markup =>
  html`${prose(description)}${given === undefined ? NOTHING : html` <span class="default">default ${literal(given)}</span>`}`;

export const exampleOf = ({ examples = [] }: DocSchema): Markup =>
  html`${examples.slice(0, 1).map((example) => codeBlock(JSON.stringify(example, null, 2)))}`;

export const codeBlock = (text: string): Markup => html`<pre tabindex="0"><code>${text}</code></pre>`;
