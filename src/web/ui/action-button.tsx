import type { ComponentProps } from "react";
import type { Role } from "../../domain/people/role.ts";
import { useMay } from "../data/selected.ts";
import { Button } from "./button.tsx";

type ActionButtonProps = ComponentProps<typeof Button> & {
  /** The role that the action needs. */
  readonly needs: Role;
};

/** A button for those who may use it; others don't see it. */
export const ActionButton = ({ needs, ...button }: ActionButtonProps) => useMay(needs) && <Button {...button} />;
