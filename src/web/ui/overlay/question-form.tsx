import { type FormEvent, type KeyboardEvent, type ReactNode, type RefObject, useEffect } from "react";

type QuestionFormProps = {
  readonly form: RefObject<HTMLFormElement | null>;
  readonly onSubmit: (event: FormEvent) => void;
  readonly children: ReactNode;
};

/**
 * A form that asks before it acts. The key that opened it may be followed by Enter at once, so the first field has the focus, or else
 * the button that changes nothing, and Enter in a field only moves on to the button that confirms.
 */
export const QuestionForm = ({ form, onSubmit, children }: QuestionFormProps) => {
  useEffect(() => {
    const { current } = form;
    const first =
      current?.querySelector<HTMLElement>("input, select, textarea") ?? current?.querySelector<HTMLElement>("button");
    first?.focus();
  }, [form]);
  const onKeyDown = (event: KeyboardEvent<HTMLFormElement>): void => {
    if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
    if (isField(event.target)) {
      event.preventDefault();
      if (!event.repeat) form.current?.querySelector<HTMLElement>("[type=submit]")?.focus();
    } else if (event.repeat) event.preventDefault();
  };
  return (
    <form ref={form} className="dialog-form" noValidate onSubmit={onSubmit} onKeyDown={onKeyDown}>
      {children}
    </form>
  );
};

/** Returns true for a field in which Enter would submit the form. */
const isField = (target: EventTarget): boolean =>
  target instanceof HTMLElement && /^(INPUT|SELECT)$/.test(target.tagName);
