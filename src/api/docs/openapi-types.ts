import type { NeededRole } from "../../domain/people/role.ts";
import type { RouteScope } from "../../domain/people/scope.ts";

/** An OpenAPI document, as far as the reference page uses it. */
export type ApiDocument = {
  readonly info: {
    readonly title: string;
    readonly version: string;
    readonly summary: string;
    readonly description: string;
  };
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  /** By path, then by lower-case method. */
  readonly paths: Readonly<Record<string, Readonly<Record<string, DocOperation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, DocSchema>>;
    readonly responses: Readonly<Record<string, DocResponse>>;
  };
};

export type DocOperation = {
  readonly operationId: string;
  /** The role that it needs. */
  readonly "x-role": NeededRole;
  /** What it means for somebody who is limited to some jobs. */
  readonly "x-scope": RouteScope;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  readonly parameters: readonly DocParameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: DocContent };
  readonly responses: Readonly<Record<string, DocResponse | DocReference>>;
};

export type DocParameter = {
  readonly name: string;
  readonly in: string;
  readonly required: boolean;
  readonly description?: string;
  readonly schema: DocSchema;
};

export type DocResponse = { readonly description: string; readonly content?: DocContent };

export type DocContent = Readonly<
  Record<
    string,
    {
      readonly schema: DocSchema;
      readonly example?: string;
      /** An example as text, if the schema is that of a record. */
      readonly "x-example"?: string;
      readonly "x-item-schema"?: DocSchema;
    }
  >
>;

type DocReference = { readonly $ref: string };

export type DocSchema = {
  readonly $ref?: string;
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly DocSchema[];
  readonly items?: DocSchema;
  readonly properties?: Readonly<Record<string, DocSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | DocSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
};

/** Returns `Run` for `#/components/schemas/Run`. */
export const nameOf = (reference: string): string => reference.slice(reference.lastIndexOf("/") + 1);
