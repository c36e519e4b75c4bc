import type { Json } from "../../lib/json.ts";

/** A field of a job file, declared once: it is read, checked, described in the help and in the JSON Schema from here. */
export type Field = {
  readonly type: FieldType;
  /** A sentence or two, for the help and for editors. */
  readonly doc: string;
  readonly required?: true;
  /** The value where none is given, in the unit that `Value` has. */
  readonly default?: Json;
  /** What "not given" means, where that isn't a value. */
  readonly absent?: string;
  /** As it stands in a file. */
  readonly example?: Json;
};

export type FieldType =
  | TextType
  | BooleanType
  | IntegerType
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
  /** What it is, for messages: "a job's id". */
  readonly form: string;
  readonly pattern?: string;
  /** Characters, at most. */
  readonly maxLength?: number;
  /** Whether it may be empty (no). */
  readonly empty?: true;
  /**
   * Which characters it may hold: `name` no control characters at all; `prose` line breaks and tabs as well (the
   * default); `argument` all but NUL; `data` all.
   */
  readonly characters?: "name" | "prose" | "argument" | "data";
  /** Whether a number or a boolean stands for its text as written (no: it has to be quoted). */
  readonly scalars?: true;
};

export type BooleanType = { readonly kind: "boolean" };

export type IntegerType = { readonly kind: "integer"; readonly min: number; readonly max: number };

/** A plain number of seconds; the value is in ms. */
export type SecondsType = { readonly kind: "seconds"; readonly minMs: number };

/** A text such as `1h30m`; the value is in ms. */
export type DurationType = { readonly kind: "duration"; readonly minMs: number };

export type ChoiceType = {
  readonly kind: "choice";
  readonly values: readonly string[];
  /** Other spellings, and what they mean. */
  readonly aliases?: { readonly [alias: string]: string };
  /** What to say to a value that people expect here, and that isn't one. */
  readonly refused?: { readonly [value: string]: string };
};

export type ListType = {
  readonly kind: "list";
  readonly of: FieldType;
  readonly minItems: number;
  /** True if no two items may be the same text (default: false). */
  readonly unique?: true;
};

/** A map with keys of the user's choice. */
export type MapType = {
  readonly kind: "map";
  readonly keys: TextType;
  readonly of: FieldType;
  /** What an empty value stands for; without it, an empty value is an error. */
  readonly emptyValue?: Json;
};

export type ObjectType = {
  readonly kind: "object";
  readonly fields: { readonly [name: string]: Field };
  /** By field and value: strangers that are not told of, since the value itself is refused and brought them along. */
  readonly excused?: { readonly [name: string]: { readonly [value: string]: readonly string[] } };
  /** Groups of which at most one may be given. */
  readonly exclusive?: readonly (readonly string[])[];
  /** Groups of which one has to be given. */
  readonly oneOf?: readonly (readonly string[])[];
};

/** Different types for a single value, a list and a map. */
export type ShapeType = {
  readonly kind: "shape";
  readonly scalar: FieldType;
  readonly list?: FieldType;
  readonly map?: FieldType;
};

/** Any value. */
export type JsonType = { readonly kind: "json" };

/** What reading a field of a type gives; whatever is wrong, or isn't given and has no default, is undefined. */
export type Value<Type> = Type extends { readonly kind: "text" }
  ? string
  : Type extends { readonly kind: "boolean" }
    ? boolean
    : Type extends { readonly kind: "integer" | "seconds" | "duration" }
      ? number
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

type FieldValue<F> = F extends { readonly type: infer Type }
  ? F extends { readonly required: true } | { readonly default: Json }
    ? Value<Type>
    : Value<Type> | undefined
  : never;

type ShapeValue<Type> =
  | (Type extends { readonly scalar: infer Scalar } ? Value<Scalar> : never)
  | (Type extends { readonly list: infer List } ? Value<List> : never)
  | (Type extends { readonly map: infer Map } ? Value<Map> : never);

/** The same of a file that has mistakes: anything may be missing. */
export type Draft<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly (Draft<Item> | undefined)[]
    : { readonly [Key in keyof T]: Draft<T[Key]> | undefined };
