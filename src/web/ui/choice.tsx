import { useId } from "react";
import "./style/choice.css";

export type ChoiceProps = {
  readonly label: string;
  /** What each value is called; `""` is the one that a bare URL stands for. */
  readonly options: Readonly<Record<string, string>>;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly className?: string;
};

/** A choice that stands beside its label. */
export const Choice = ({ label, options, value, onChange, className = "" }: ChoiceProps) => {
  const id = useId();
  return (
    <span className={`choice ${className}`}>
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)}>
        {Object.entries(options).map(([word, text]) => (
          <option key={word} value={word}>
            {text}
          </option>
        ))}
      </select>
    </span>
  );
};

/** For options that need no others. */
export const optionsFrom = (options: readonly string[]): Record<string, string> =>
  Object.fromEntries(options.map((word) => [word, word]));

/** A query with this in it; without it, where it is empty. */
export const withParam = (query: URLSearchParams, name: string, value: string): URLSearchParams => {
  const next = new URLSearchParams(query);
  if (value === "") next.delete(name);
  else next.set(name, value);
  return next;
};
