import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useId, useRef, useState } from "react";
import { Link, useLocation } from "wouter";
import { ClientError } from "../../client/error.ts";
import { Button } from "../ui/button.tsx";
import { editPath } from "../ui/links.tsx";
import { Page } from "../ui/page.tsx";
import { failureText, Loaded } from "../ui/states.tsx";
import { useCheck } from "./file/use-check.ts";
import { jobFilesQuery, type TemplateData } from "./job-files.ts";
import { newPath, newPathProblem, startingText } from "./new-file.ts";

/** Begins a job file: asks for its name and a template. */
export const NewJobView = () => (
  <Page title="New job" lead="A template to begin with, and the name of its file. Nothing is written before you save.">
    <Loaded query={useQuery(jobFilesQuery())} what="the templates">
      {({ files, templates }) => <NewJob existing={files.map(({ path }) => path)} templates={templates} />}
    </Loaded>
  </Page>
);

type NewJobProps = { readonly existing: readonly string[]; readonly templates: readonly TemplateData[] };

const NewJob = ({ existing, templates }: NewJobProps) => {
  const [, navigate] = useLocation();
  const [typed, setTyped] = useState("");
  const [chosen, setChosen] = useState(templates[0]?.name ?? "");
  const [isAsked, setAsked] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const ids = { field: useId(), problem: useId() };
  const path = newPath(typed);
  const template = templates.find(({ name }) => name === chosen);
  const check = useCheck({ path: path === "" ? "new.yaml" : path, text: template?.text ?? "", base: null }, 0);
  const problem =
    path === "" && isAsked
      ? "Expected a name, such as backup.yaml"
      : (newPathProblem(path, existing) ?? refusalOf(check.error));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setAsked(true);
    if (path === "" || problem !== null) field.current?.focus();
    else navigate(`${editPath(path)}?${new URLSearchParams({ template: chosen })}`);
  };
  return (
    <form className="edit-new" noValidate onSubmit={submit}>
      <div className="field">
        <label htmlFor={ids.field}>File</label>
        <input
          id={ids.field}
          ref={field}
          className="mono"
          value={typed}
          maxLength={255}
          placeholder="backup.yaml"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          aria-invalid={problem !== null || undefined}
          aria-describedby={ids.problem}
          onChange={({ target }) => setTyped(target.value)}
        />
        <small id={ids.problem} className={problem === null ? undefined : "wrong"} role="status">
          {problem ?? (path === "" ? "Its path in the folder of job files" : `Will be ${path}`)}
          {existing.includes(path) && (
            <>
              {" "}
              <Link href={editPath(path)}>Edit it</Link>
            </>
          )}
        </small>
      </div>
      <fieldset className="edit-templates">
        <legend>Template</legend>
        {templates.map(({ name, description }) => (
          <label key={name} className="card">
            <input
              type="radio"
              name="template"
              value={name}
              checked={name === chosen}
              onChange={() => setChosen(name)}
            />
            <span>
              <strong>{name}</strong>
              <small className="muted">{description}</small>
            </span>
          </label>
        ))}
      </fieldset>
      {template !== undefined && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: keyboard users must be able to scroll the text.
        <section className="diff edit-preview" tabIndex={0} aria-label="Text of the template">
          <pre>{startingText(path, template.text)}</pre>
        </section>
      )}
      <div className="row">
        <Button kind="primary" type="submit">
          Open in the editor
        </Button>
      </div>
    </form>
  );
};

/** Returns why petit takes no file with this path, or null. */
const refusalOf = (error: unknown): string | null =>
  error instanceof ClientError && error.failure.kind === "refused" ? failureText(error) : null;
