import { homeOf } from "../../crontab/owner.ts";
import type { Remarks } from "../../remarks.ts";
import { place } from "../timer.ts";
import { type Directive, listOf } from "../unit/parse.ts";
import { splitWords } from "../unit/words.ts";

/** The PATH that systemd gives services of the system. */
const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";

type EnvironmentOptions = {
  readonly directives: readonly Directive[];
  readonly remarks: Remarks;
  readonly expand: (text: string, directive: Directive) => string;
  /** The value of User=; null if there is none. */
  readonly user: string | null;
  readonly isUser: boolean;
};

/** Returns the variables of a service: those that systemd sets, and those of Environment=. */
export const environmentOf = ({
  directives,
  remarks,
  expand,
  user,
  isUser,
}: EnvironmentOptions): Readonly<Record<string, string>> => {
  const variables: Record<string, string> = isUser ? {} : { PATH: SYSTEM_PATH, ...accountVariables(user) };
  for (const directive of listOf(directives, "Service", "Environment")) {
    const words = splitWords(directive.value);
    if ("problem" in words) {
      remarks.leaveOut(place(directive), words.problem);
      continue;
    }
    for (const word of words) {
      const [, name, value = ""] = /^([A-Za-z_]\w*)=(.*)$/s.exec(expand(word, directive)) ?? [];
      if (name === undefined) remarks.leaveOut(place(directive), `'${word}' is not understood; expected NAME=VALUE`);
      else if (name.startsWith("PETIT_")) remarks.leaveOut(place(directive), `${name} is a name of petit`);
      else variables[name] = value;
    }
  }
  return variables;
};

const accountVariables = (user: string | null): Readonly<Record<string, string>> => {
  if (user === null) return {};
  const home = homeOf(user);
  return { USER: user, LOGNAME: user, ...(home === null ? {} : { HOME: home }) };
};
