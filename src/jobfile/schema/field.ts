import type { Json } from "../../lib/json.ts";

/** The declaration of a job file's field. Reading, checking, help and JSON Schema all use it. */
export type Field = {
  readonly type: FieldType;
  /** One or two sentences for help and editors. */
  readonly doc: string;
  readonly required?: true;
  /** The default, in the unit of `Value`. */
  readonly default?: Json;
  /** What a missing field means if there is no default value. */
  readonly absent?: string;
  /** An example as written in a file. */
  readonly example?: Json;
};

export type FieldType =
  | TextType
  | BooleanType
  | IntegerType
  | NumberType
  | SizeType
  | SecondsType
  | DurationType
  | ChoiceType
  | ListType
  | MapType
  | ObjectType
  | ShapeType
  | JsonType;

export type TextType = {
  readonly kind: "text";
  /** A noun phrase for messages, such as "a job's id". */
  readonly form: string;
  readonly pattern?: string;
  /** Maximum number of characters. */
  readonly maxLength?: number;
  /** True if the text may be empty. Default: false. */
  readonly empty?: true;
  /**
   * Allowed characters. `name`: no control characters. `prose` (default): also line breaks and tabs. `argument`: all
   * but NUL. `data`: all.
   */
  readonly characters?: "name" | "prose" | "argument" | "data";
  /** True if a number or a boolean is accepted as its text. Default: false, it must be quoted. */
  readonly scalars?: true;
};

type BooleanType = { readonly kind: "boolean" };

export type IntegerType = {
  readonly kind: "integer";
  readonly min: number;
  readonly max: number;
  /** A word that is accepted instead of a number. */
  readonly word?: string;
};

/** A number that need not be whole. */
export type NumberType = { readonly kind: "number"; readonly min: number; readonly max: number };

/** A size such as `512MiB`; the value is in bytes. */
export type SizeType = { readonly kind: "size"; readonly minBytes: number };

/** A number of seconds; the value is in ms. */
export type SecondsType = { readonly kind: "seconds"; readonly minMs: number };

/** A duration such as `1h30m`; the value is in ms. */
export type DurationType = { readonly kind: "duration"; readonly minMs: number };

export type ChoiceType = {
  readonly kind: "choice";
  readonly values: readonly string[];
  /** Alternative spellings and their values. */
  readonly aliases?: { readonly [alias: string]: string };
  /** Messages for values that users expect but that are not supported. */
  readonly refused?: { readonly [value: string]: string };
};

export type ListType = {
  readonly kind: "list";
  readonly of: FieldType;
  readonly minItems: number;
  /** True if no two items may be the same text (default: false). */
  readonly unique?: true;
};

/** A map with arbitrary keys. */
export type MapType = {
  readonly kind: "map";
  readonly keys: TextType;
  readonly of: FieldType;
  /** The meaning of an empty value. Without it, an empty value is an error. */
  readonly emptyValue?: Json;
};

export type ObjectType = {
  readonly kind: "object";
  readonly fields: { readonly [name: string]: Field };
  /** By field and value: unknown fields that are not reported, because the value that they belong to is reported. */
  readonly excused?: { readonly [name: string]: { readonly [value: string]: readonly string[] } };
  /** Names that users of other tools expect, and the field that does the same. */
  readonly otherNames?: { readonly [name: string]: string };
  /** Groups of mutually exclusive fields. */
  readonly exclusive?: readonly (readonly string[])[];
  /** Groups in which one field is required. */
  readonly oneOf?: readonly (readonly string[])[];
};

/** A field that has different types as a scalar, a list or a map. */
export type ShapeType = {
  readonly kind: "shape";
  readonly scalar: FieldType;
  readonly list?: FieldType;
  readonly map?: FieldType;
};

/** Any value. */
type JsonType = { readonly kind: "json" };

/** The value of a field of a type. It is undefined if it is invalid, or missing without a default. */
export type Value<Type> = Type extends { readonly kind: "text" }
  ? string
  : Type extends { readonly kind: "boolean" }
    ? boolean
    : Type extends { readonly kind: "integer" | "number" | "size" | "seconds" | "duration" }
      ? number | WordOf<Type>
      : Type extends { readonly kind: "choice"; readonly values: readonly (infer Name)[] }
        ? Name
        : Type extends { readonly kind: "list"; readonly of: infer Of }
          ? readonly Value<Of>[]
          : Type extends { readonly kind: "map"; readonly of: infer Of }
            ? { readonly [key: string]: Value<Of> }
            : Type extends { readonly kind: "object"; readonly fields: infer Fields }
              ? { readonly [Name in keyof Fields]: FieldValue<Fields[Name]> }
              : Type extends { readonly kind: "shape" }
                ? ShapeValue<Type>
                : Type extends { readonly kind: "json" }
                  ? Json
                  : never;

type WordOf<Type> = Type extends { readonly word: infer Word } ? Word : never;

type FieldValue<F> = F extends { readonly type: infer Type }
  ? F extends { readonly required: true } | { readonly default: Json }
    ? Value<Type>
    : Value<Type> | undefined
  : never;

type ShapeValue<Type> =
  | (Type extends { readonly scalar: infer Scalar } ? Value<Scalar> : never)
  | (Type extends { readonly list: infer List } ? Value<List> : never)
  | (Type extends { readonly map: infer Map } ? Value<Map> : never);

/** The value as read from a file with problems: any part may be missing. */
export type Draft<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly (Draft<Item> | undefined)[]
    : { readonly [Key in keyof T]: Draft<T[Key]> | undefined };
