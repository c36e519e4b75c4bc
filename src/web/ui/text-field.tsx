import { type FormEvent, useId } from "react";

type TextFieldProps = {
  readonly label: string;
  readonly placeholder: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** Values that the field suggests; a complete one applies at once. */
  readonly options?: readonly string[];
  /** Form of a valid value, as in the `pattern` attribute. */
  readonly pattern?: string;
  /** What a valid value is. */
  readonly hint?: string;
  /** True for the field that `/` focuses. */
  readonly isSearch?: boolean;
};

/** A text that applies with Enter, when the field loses the focus, and when it is cleared. */
export const TextField = ({
  label,
  placeholder,
  value,
  onChange,
  options,
  pattern,
  hint,
  isSearch,
}: TextFieldProps) => {
  const id = useId();
  const apply = (field: HTMLInputElement): void => {
    const text = field.value.trim();
    if (text !== value && field.reportValidity()) onChange(text);
  };
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const field = event.currentTarget.elements[0];
    if (field instanceof HTMLInputElement) apply(field);
  };
  return (
    <form className="choice" noValidate onSubmit={submit}>
      <label htmlFor={id}>{label}</label>
      <input
        key={value}
        id={id}
        type="search"
        placeholder={placeholder}
        autoComplete="off"
        spellCheck={false}
        maxLength={200}
        defaultValue={value}
        data-search={isSearch}
        pattern={pattern}
        title={hint}
        list={options === undefined ? undefined : `${id}-options`}
        onBlur={({ currentTarget }) => apply(currentTarget)}
        onChange={({ currentTarget }) => {
          if (currentTarget.value === "" || options?.includes(currentTarget.value)) apply(currentTarget);
        }}
      />
      {options !== undefined && (
        <datalist id={`${id}-options`}>
          {options.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
    </form>
  );
};
