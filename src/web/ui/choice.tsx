import { useId } from "react";
import "./style/choice.css";

type ChoiceProps = {
  readonly label: string;
  /** The label of each value. `""` is the value of a URL without this parameter. */
  readonly options: Readonly<Record<string, string>>;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly className?: string;
};

/** A select box with a label beside it. */
export const Choice = ({ label, options, value, onChange, className = "" }: ChoiceProps) => {
  const id = useId();
  return (
    <span className={`choice ${className}`}>
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {Object.entries(options).map(([option, text]) => (
          <option key={option} value={option}>
            {text}
          </option>
        ))}
      </select>
    </span>
  );
};

/** A choice of how far back something reaches. */
export const SinceChoice = ({ value, onChange }: Pick<ChoiceProps, "value" | "onChange">) => (
  <Choice label="Since" options={withValue(SINCE, value)} value={value} onChange={onChange} />
);

const SINCE = {
  "": "any time",
  "1h": "an hour ago",
  "24h": "24 hours ago",
  "7d": "7 days ago",
  "30d": "30 days ago",
};

/** Returns options with the value of the URL, which can be another one. */
export const withValue = (known: Readonly<Record<string, string>>, value: string): Readonly<Record<string, string>> =>
  value in known ? known : { ...known, [value]: value };

/** Returns options whose labels are their values. */
export const optionsFrom = (values: readonly string[]): Record<string, string> =>
  Object.fromEntries(values.map((value) => [value, value]));

/** Returns the query with the parameter set, or without it if `value` is empty. */
export const withParam = (query: URLSearchParams, name: string, value: string): URLSearchParams => {
  const next = new URLSearchParams(query);
  if (value === "") next.delete(name);
  else next.set(name, value);
  return next;
};
