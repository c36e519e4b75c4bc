import type { ButtonHTMLAttributes } from "react";

export type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  /** `primary`: the one thing to do here. `danger`: it ends something. `quiet`: no border. */
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  /** While what it started goes on: it takes no second click, and keeps the focus. */
  readonly isBusy?: boolean;
  /** Of a double click it takes the first: by the second, it may be there for something else. */
  readonly isOnce?: boolean;
};

export const Button = ({
  kind = "plain",
  isBusy = false,
  isOnce = false,
  className = "",
  onClick,
  ...rest
}: ButtonProps) => (
  <button
    type="button"
    {...rest}
    className={`button button-${kind} ${className}`}
    aria-disabled={isBusy || undefined}
    aria-busy={isBusy || undefined}
    onClick={(event) => {
      if (isBusy || (isOnce && event.detail > 1)) event.preventDefault();
      else onClick?.(event);
    }}
  />
);
