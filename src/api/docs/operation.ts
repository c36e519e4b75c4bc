import { html, type Markup, NOTHING, prose } from "./html.ts";
import {
  type ApiDocument,
  type DocContent,
  type DocOperation,
  type DocParameter,
  type DocResponse,
  nameOf,
} from "./openapi-types.ts";
import { codeBlock, exampleOf, renderDescription, renderType } from "./schema.ts";

export type DocEndpoint = { readonly method: string; readonly path: string; readonly operation: DocOperation };

export type DocContext = {
  readonly document: ApiDocument;
  /** Where the reader opened the page, such as `http://localhost:8565`. */
  readonly address: string;
};

/** Renders one method of one path: its purpose, parameters, request and responses. */
export const renderOperation = (
  { method, path, operation }: DocEndpoint,
  { document, address }: DocContext,
): Markup => html`
<section class="operation" id="${operation.operationId}">
<h3><span class="method ${method}">${method.toUpperCase()}</span> <code class="path">${path}</code></h3>
<p><strong>${prose(operation.summary)}.</strong> ${prose(operation.description ?? "")} ${roleText(operation)}</p>
${parameterTable(operation.parameters)}
${codeBlock(curl({ method, path, operation }, { document, address }))}
${bodyParagraph(operation)}
${responseTable(operation, document)}
${examples(operation, document)}
</section>`;

const roleText = ({ "x-role": role, "x-scope": scope }: DocOperation): Markup => {
  if (role === "none") return html`Needs no token.`;
  const ofAll = scope === "all" ? html` of a token that is not limited to some jobs` : NOTHING;
  return html`Needs the role <code>${role}</code>${ofAll}.`;
};

const parameterTable = (parameters: readonly DocParameter[]): Markup => {
  if (parameters.length === 0) return NOTHING;
  return html`<table><thead><tr><th>Parameter</th><th>Type</th><th>Description</th></tr></thead><tbody>${parameters.map(
    (parameter) => html`
<tr><td><code>${parameter.name}</code> in ${parameter.in}</td><td>${renderType(parameter.schema)}</td><td>${renderDescription(
      {
        ...parameter.schema,
        description: parameter.description ?? "",
      },
    )}</td></tr>`,
  )}
</tbody></table>`;
};

/** Returns the request as a curl command, with the examples of the parameters. */
const curl = ({ method, path, operation }: DocEndpoint, { document, address }: DocContext): string => {
  const url = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    const schema = operation.parameters.find((each) => each.name === name)?.schema;
    return String(schema?.examples?.[0] ?? name);
  });
  const verb = method === "get" ? "" : ` -X ${method.toUpperCase()}`;
  return `curl${verb} ${address}${url}${data(operation, document)}`;
};

const data = ({ requestBody }: DocOperation, { components }: ApiDocument): string => {
  const schema = Object.values(requestBody?.content ?? {})[0]?.schema;
  const example = schema?.$ref === undefined ? undefined : components.schemas[nameOf(schema.$ref)]?.examples?.[0];
  return example === undefined ? "" : ` -d '${JSON.stringify(example)}'`;
};

const bodyParagraph = ({ requestBody }: DocOperation): Markup => {
  const schema = Object.values(requestBody?.content ?? {})[0]?.schema;
  if (requestBody === undefined || schema === undefined) return NOTHING;
  return html`<p>The body is a ${renderType(schema)}, and ${requestBody.required ? "required" : "optional"}.</p>`;
};

/** Omits a description that is only the name of the schema. */
const descriptionOf = ({ description, content = {} }: DocResponse): Markup =>
  Object.values(content).some(({ schema }) => nameOf(schema.$ref ?? "") === description) ? NOTHING : prose(description);

const responseTable = ({ responses }: DocOperation, document: ApiDocument): Markup => html`
<table><thead><tr><th>Status</th><th>Body</th><th>When</th></tr></thead><tbody>${Object.entries(responses).map(
  ([status, response]) => html`
<tr><td><code>${status}</code></td><td>${bodyType(resolveResponse(response, document))}</td><td>${descriptionOf(resolveResponse(response, document))}</td></tr>`,
)}
</tbody></table>`;

const resolveResponse = (response: DocOperation["responses"][string], { components }: ApiDocument): DocResponse => {
  if (!("$ref" in response)) return response;
  return components.responses[nameOf(response.$ref)] ?? { description: "" };
};

const bodyType = ({ content = {} }: DocResponse): Markup =>
  html`${Object.entries(content).map(([type, media], index) => {
    const item = media["x-item-schema"];
    const shown = type === "application/json" ? renderType(media.schema) : html`<code>${type}</code>`;
    return html`${index === 0 ? "" : ", "}${shown}${item === undefined ? NOTHING : html` of ${renderType(item)}`}`;
  })}`;

/** Renders the examples of the first response, the successful one. */
const examples = ({ responses }: DocOperation, document: ApiDocument): Markup => {
  const [response] = Object.values(responses);
  const content: DocContent = response === undefined ? {} : (resolveResponse(response, document).content ?? {});
  return html`${Object.values(content).map(({ schema, "x-example": text, example = text }) => {
    if (example !== undefined) return codeBlock(example.trimEnd());
    const named = schema.$ref === undefined ? undefined : document.components.schemas[nameOf(schema.$ref)];
    return named === undefined ? NOTHING : exampleOf(named);
  })}`;
};
