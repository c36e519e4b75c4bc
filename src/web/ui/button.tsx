import type { ButtonHTMLAttributes } from "react";

type ButtonProps = ButtonHTMLAttributes<HTMLButtonElement> & {
  /** `primary`: the main action. `danger`: an action that ends something. `quiet`: no border. */
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  /** While its action runs, the button ignores clicks and keeps the focus. */
  readonly isBusy?: boolean;
  /** Ignores the second click of a double click: after the first, the button may have another action. */
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
