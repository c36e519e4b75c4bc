import { type ComponentProps, useId } from "react";
import type { ParamData } from "../data/shapes.ts";
import { valueText } from "../ui/text/format.ts";

type ParamFieldProps = {
  readonly name: string;
  readonly param: ParamData;
  readonly value: string;
  readonly problem: string | undefined;
  readonly onChange: (value: string) => void;
};

/** The form field of a param: a select box if it has an `enum`, else a text field. That of a secret shows no value. */
export const ParamField = ({ name, param, value, problem, onChange }: ParamFieldProps) => {
  const id = useId();
  const control = {
    id,
    name,
    value,
    required: param.required,
    "aria-invalid": problem !== undefined || undefined,
    "aria-describedby": `${id}-about ${id}-wrong`,
    onChange: (event: { readonly target: { readonly value: string } }) => onChange(event.target.value),
  } as const;
  return (
    <div className="field" data-param={name}>
      <label htmlFor={id}>
        {name} {param.required && <span className="muted">· required</span>}
      </label>
      <Control param={param} {...control} />
      <About id={`${id}-about`} param={param} />
      <p id={`${id}-wrong`} className="wrong" role="alert">
        {problem}
      </p>
    </div>
  );
};

type ControlProps = { readonly param: ParamData } & Pick<
  ComponentProps<"input">,
  "id" | "name" | "value" | "required"
> & {
    readonly onChange: (event: { readonly target: { readonly value: string } }) => void;
  };

const Control = ({ param, ...control }: ControlProps) => {
  const text = { ...control, autoComplete: "off", spellCheck: false } as const;
  if (param.secret) return <input {...text} type="password" autoComplete="new-password" />;
  // An `<input>` would remove line breaks.
  if (param.enum === null && param.default?.includes("\n")) return <textarea {...text} rows={3} />;
  if (param.enum === null) return <input {...text} type="text" />;
  return (
    <select {...control}>
      {param.default === null && <option value="">{param.required ? "Choose one" : "None"}</option>}
      {param.enum.map((value) => (
        <option key={value}>{value}</option>
      ))}
    </select>
  );
};

const About = ({ id, param }: { readonly id: string; readonly param: ParamData }) => (
  <small id={id}>
    {param.description}
    {param.description !== null && (param.default !== null || param.pattern !== null) && " · "}
    {param.default !== null &&
      (param.secret ? (
        "has a default, which is hidden"
      ) : (
        <>
          default <code>{valueText(param.default)}</code>
        </>
      ))}
    {param.default !== null && param.pattern !== null && " · "}
    {param.pattern !== null && (
      <>
        matches <code>{param.pattern}</code>
      </>
    )}
  </small>
);
