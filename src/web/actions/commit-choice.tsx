import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import { shortCommit } from "../../domain/words/versions/repository.ts";
import { repositoryQuery } from "../data/queries.ts";

type CommitChoiceProps = {
  /** The commits of the runs that are retried: at least one. */
  readonly commits: readonly string[];
  readonly isLatest: boolean;
  readonly onChoose: (isLatest: boolean) => void;
};

/** Says which commit retries use, and offers the one in use if that is another one. */
export const CommitChoice = ({ commits, isLatest, onChoose }: CommitChoiceProps) => {
  const inUse = useQuery(repositoryQuery()).data?.commit?.id ?? null;
  const own = ownText(commits);
  if (inUse === null || commits.every((commit) => commit === inUse)) return <p>{own}.</p>;
  return (
    <fieldset className="retry-scopes">
      <legend className="visually-hidden">Scripts and files to use</legend>
      <Option name="commit" text={own} isChosen={!isLatest} onChoose={() => onChoose(false)} />
      <Option
        name="commit"
        text={`With the present commit, ${shortCommit(inUse)}`}
        isChosen={isLatest}
        onChoose={() => onChoose(true)}
      />
    </fieldset>
  );
};

const ownText = (commits: readonly string[]): string => {
  const [first, another] = new Set(commits);
  if (first === undefined || another !== undefined) return "Each with the commit that its run used";
  return `With commit ${shortCommit(first)}, which the ${commits.length === 1 ? "run" : "runs"} used`;
};

type OptionProps = {
  /** Name of the group of options. */
  readonly name: string;
  readonly text: string;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
};

/** A choice of a retry. */
export const Option = ({ name, text, isChosen, onChoose }: OptionProps) => {
  const id = useId();
  return (
    <div className="retry-scope">
      <input id={id} type="radio" name={name} checked={isChosen} onChange={onChoose} />
      <label htmlFor={id}>{text}</label>
    </div>
  );
};
